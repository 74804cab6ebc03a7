"""A report of the results as one HTML page that needs nothing else: no script, no network, no font.

Every text that a model, a service or a file wrote is made visible and escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from ftb_tui.report.collect import Examples, Report, Section, named_baselines
from ftb_tui.report.heat import bar as glyph
from ftb_tui.report.learned import asked_notes
from ftb_tui.report.matrix import Place, adjusted_p, tasks_of
from ftb_tui.report.numbers import difference, interval, p_value, score, signed_interval
from ftb_tui.report.plain import shortened, visible
from ftb_tui.report.reading import readings
from ftb_tui.report.svg import Bar, Point, bar_chart, curve_chart
from ftb_tui.report.tables import asked_so_far, model_label
from ftb_tui.store.curves import LearningCurves
from ftb_tui.store.results import ResultRow

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2126;--dim:#5c6770;--line:#d5dade;--base:#9aa5b1;--mid:#74a9ab;--tuned:#2f7477;
--mark:#9a6a00;--paper:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#dfe4e8;--dim:#9aa5ad;--line:#39424a;--base:#6b7680;--mid:#4b8a8d;
--tuned:#6fb6b9;--mark:#d9ab5a;--paper:#14181c}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:64rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.6rem}h2{margin-top:2.2rem;border-bottom:1px solid var(--line)}h3{margin-bottom:.4rem}
.wide{overflow-x:auto;margin:.6rem 0}table{border-collapse:collapse}
th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums}.n,.s,.g{white-space:nowrap}.g th{padding-top:.7rem}
.q{min-width:5rem}.q:first-child{min-width:11rem}
.dim{color:var(--dim)}figure{margin:.8rem 0;overflow-x:auto}
.side{display:flex;flex-wrap:wrap;gap:1rem}.side figure{flex:0 1 22rem}
svg{max-width:100%;height:auto}.bars svg{min-width:34rem}
svg text{font:13px system-ui,sans-serif;fill:var(--ink)}svg .title{font-weight:600}
svg .tick,svg .note{fill:var(--dim)}svg .grid{stroke:var(--line)}svg .bar.base,svg .bar.other{fill:var(--base)}
svg .bar.checkpoint{fill:var(--mid)}svg .bar.tuned{fill:var(--tuned)}
svg .whisker{stroke:var(--ink);stroke-width:1.4;fill:none}
svg .level{stroke:var(--mark);stroke-dasharray:4 3;stroke-width:1.5}svg .level-name{fill:var(--mark)}
svg .curve{fill:none;stroke:var(--tuned);stroke-width:2}svg .point{fill:var(--tuned)}
svg .point.apart{fill:var(--paper);stroke:var(--tuned);stroke-width:1.5}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;font:inherit}
@media print{body{max-width:none;margin:0;font-size:10px}th,td{padding:.15rem .35rem}.wide,figure{overflow:visible}
.bars svg{min-width:0;max-width:34rem}.q:first-child{min-width:0}h2,h3,thead,.g{break-after:avoid}tr,figure{break-inside:avoid}}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
HEAD = ("task", "", "score", "95%", "right", "n", "base", "diff", "fixed", "broken", "p", "p Holm", "failed")
_TEXT = frozenset({"model", "families", "question", "gold", "answer", "why", "base said"})
"""Columns whose text may take several lines."""
_SHORT = frozenset({"task", "", "average of", "how", "verdict"})
"""Columns of a word or two. All others are of figures, to the right."""
_METHODS = (
    "Scores are shares of right answers; answers without a verdict count as not right. Failed calls are no answers and "
    "are counted apart; an n such as 16 of 82 is of an evaluation that has not finished. "
    "Intervals of scores are Wilson's, 95%; where questions were asked several times, answers to one "
    "fact are held together. A tuned model is compared with its base on the questions that both answered: fixed are "
    "right after and wrong before, broken the reverse; p is the exact McNemar test, where questions were asked "
    "several times the sign test over facts; p Holm is adjusted for all comparisons of the table, and what the figures are "
    "said to say goes by it. Averages have the percentile interval of a bootstrap over facts within families. Dashed "
    "lines on yes/no tasks are what no knowledge would score: always saying No, and always saying the more frequent "
    "answer to each wording."
)
_RECOMPUTE = (
    "All figures can be computed again from answers.csv, which lies beside this page when it was exported with the "
    "others: it has every answer with the verdict of every grader. n counts the rows of a model and task that have a "
    "verdict, right are those that say correct; a base and its tuned model are joined by question_id and repeat."
)


def html_report(report: Report) -> str:
    """The whole page."""
    adjusted = adjusted_p(report.rows)
    said = readings(report.rows, adjusted)
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>FineTuneBench results</title><style>{_STYLE}</style></head><body>",
        "<h1>FineTuneBench results</h1>",
        f'<p class="dim">Made {_text(report.made_at)} by ftb {_text(report.version)}; graded by {_text(report.grader)}.</p>',
    ]
    if not report.rows:
        parts.append("<p>Nothing was evaluated yet.</p>")
    if said:
        parts.append("<h2>What the figures say</h2>")
    for each in said:
        parts += [f"<h3>{_text(each.head.removesuffix(':'))}</h3>"] if each.head else []
        parts += [f"<p>{_text(sentence)}</p>" for sentence in each.sentences]
    for dataset_id in dict.fromkeys(row.dataset_id for row in report.rows):
        parts += _dataset(report, [row for row in report.rows if row.dataset_id == dataset_id], adjusted)
    parts += _averages(report)
    if report.curves:
        parts += ["<h2>Learning curves</h2>", *(part for curves in report.curves for part in _curves(curves))]
    if report.examples:
        parts += ["<h2>Wrong answers</h2>", "<p>The first of each; the others are in answers.csv.</p>"]
        parts += [part for examples in report.examples for part in _examples(examples)]
    parts += ["<h2>How it was measured</h2>", f"<p>{_text(_METHODS)}</p>", f"<p>{_text(_RECOMPUTE)}</p>"]
    parts += [_section(section) for section in report.measured]
    return "\n".join([*parts, "</body></html>\n"])


def _dataset(report: Report, rows: Sequence[ResultRow], adjusted: Mapping[Place, float]) -> Iterable[str]:
    yield f"<h2>{_text(rows[0].dataset)}</h2>"
    for task in tasks_of(rows):
        bars = [
            Bar(model_label(row), row.kind, row.score, row.low or 0.0, row.high or 0.0,
                f"{score(row.score)}  ({row.correct}/{asked_so_far(row)})")
            for row in rows if row.task == task and row.score is not None
        ]  # fmt: skip
        if bars:
            yield f"<figure class=bars>{bar_chart(task, bars, report.baselines.get((rows[0].dataset_id, task), {}))}</figure>"
    yield _table(
        HEAD,
        [
            (
                row.task, glyph(row.score), score(row.score), interval(row.low, row.high),
                str(row.correct), asked_so_far(row), score(row.base_score) if row.fixed is not None else "",
                difference(row.difference), _count(row.fixed), _count(row.broken), p_value(row.p_value),
                p_value(adjusted.get((row.dataset_id, row.model_key, row.task))), str(row.failed or ""),
            )
            for row in rows
        ],
        groups=[model_label(row) for row in rows],
    )  # fmt: skip


def _averages(report: Report) -> Iterable[str]:
    if not report.averages:
        return
    yield "<h2>Averages</h2>"
    yield _table(
        ("average of", "how", "score", "95%", "n", "families"),
        [
            (a.of, a.average.replace("_", " "), score(a.value), interval(a.low, a.high), str(a.n), ", ".join(a.families))
            for a in report.averages
        ],
        groups=[f"{a.provider}/{a.model}" for a in report.averages],
    )  # fmt: skip
    if report.gaps:
        yield "<h3>Generalization gap</h3><p>Memorization minus generalization (rephrased, vignette), facts asked both ways.</p>"
        yield _table(
            ("model", "mean of families", "95%", "mean of facts", "95%", "facts"),
            [
                (name, difference(gap.by_family.value), signed_interval(gap.by_family.low, gap.by_family.high),
                 difference(gap.by_fact.value), signed_interval(gap.by_fact.low, gap.by_fact.high), str(gap.by_fact.clusters))
                for name, gap in report.gaps
            ],
        )  # fmt: skip


def _curves(curves: LearningCurves) -> Iterable[str]:
    unit = "step" if any(model.epoch is None for model in curves.models) else "epoch"
    yield f'<h3>Job {curves.job_key}, {_text(curves.dataset_id)}</h3><div class="side">'
    for task in curves.tasks:
        points = []
        for model in curves.models:
            point = curves.points.get((model.model_key, task))
            if point is not None:
                x = model.step if unit == "step" else model.epoch or 0
                points.append(
                    Point(x, point.score, point.low, point.high, point.is_joined, model.kind == "tuned", point.n)
                )
        found = curves.baselines.get(task)
        levels = named_baselines(found) if found is not None else {}
        yield f"<figure>{curve_chart(task, points, levels, unit=unit)}</figure>"
    yield "</div>"
    yield from (f'<p class="dim">{_text(note)}</p>' for note in asked_notes(curves))


def _examples(examples: Examples) -> Iterable[str]:
    row = examples.row
    yield f"<h3>{_text(model_label(row))}, {_text(row.task)}</h3>"
    yield _table(
        ("question", "gold", "answer", "verdict", "why", "base said"),
        [
            (
                shortened(answer.question, 600, 12), shortened(answer.answer, 300, 6),
                shortened(answer.response or "", 600, 12), answer.grade, shortened(answer.reason, 300, 6),
                shortened(answer.base_response or "", 300, 6),
            )
            for answer in examples.answers
        ],
    )  # fmt: skip


def _section(section: Section) -> str:
    facts = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in section.facts)
    return f"<h3>{_text(section.title)}</h3><dl>{facts}</dl>"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]], *, groups: Sequence[str] = ()) -> str:
    """A table; with `groups`, one for each line, a line of its own wherever another group begins."""

    def cell(name: str, text: str, tag: str) -> str:
        kind = " class=q" if name in _TEXT else " class=s" if name in _SHORT else " class=n"
        return f"<{tag}{kind}>{f'<pre>{_text(text)}</pre>' if chr(10) in text else _text(text)}</{tag}>"

    def render(line: Sequence[str], tag: str) -> str:
        return f"<tr>{''.join(cell(name, text, tag) for name, text in zip(head, line, strict=True))}</tr>"

    parts = [f"<div class=wide><table><thead>{render(head, 'th')}</thead><tbody>"]
    for place, line in enumerate(lines):
        if groups and (place == 0 or groups[place] != groups[place - 1]):
            parts.append(f"<tr class=g><th colspan={len(head)} scope=rowgroup>{_text(groups[place])}</th></tr>")
        parts.append(render(line, "td"))
    return "\n".join([*parts, "</tbody></table></div>"])


def _text(text: str) -> str:
    return html.escape(visible(text))


def _count(value: int | None) -> str:
    return "" if value is None else str(value)
