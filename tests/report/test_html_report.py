"""The page for a colleague: it stands alone, its figures are those of the table, and hostile text stays text."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from ftb_tui.report.collect import Examples, Report, Section
from ftb_tui.report.html_report import HEAD, html_report
from ftb_tui.report.svg import Bar, Point, bar_chart, curve_chart
from ftb_tui.store.results import AnswerRow
from tests.report.rows import ROWS, TUNED, row
from tests.report.test_tables import HOSTILE


def report(rows: list, **changes: object) -> Report:  # type: ignore[type-arg]
    values = {
        "grader": "choice", "made_at": "2026-09-21 14:13 UTC", "version": "0.1", "rows": tuple(rows), "every": tuple(rows),
        "averages": (), "gaps": (), "baselines": {}, "curves": (), "examples": (), "measured": (),
    }  # fmt: skip
    return Report(**{**values, **changes})  # type: ignore[arg-type]


def answer(**changes: object) -> AnswerRow:
    values: dict[str, object] = {
        "response_key": 1, "question_key": 1, "id": "q1", "task": "memorization", "prompt": "p", "question": "How tall?",
        "answer": "188", "response": "12", "grade": "wrong", "reason": "no 188", "fact": "", "fact_id": "f",
        "base_response": None, "base_grade": None, "base_reason": None, "flip": None, "position": 0,
    }  # fmt: skip
    return AnswerRow(**{**values, **changes})  # type: ignore[arg-type]


class Page(HTMLParser):
    """The cells of every table, all tags, and everything that would be fetched or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.reaching_out: list[str] = []
        self.handlers: list[str] = []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.reaching_out += [name for name, _ in attrs if name in ("src", "href", "srcset", "action", "xlink:href")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag == "tr":
            self.rows.append([])
        self._cell = tag in ("td", "th") or (self._cell and tag == "pre")
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._cell and self.rows:
            self.rows[-1][-1] += data


def charts(page: str) -> list[ET.Element]:
    return [ET.fromstring(f"<svg{part.split('</svg>')[0]}</svg>") for part in page.split("<svg")[1:]]


def test_half_a_score_is_told_as_half_in_table_and_chart() -> None:
    page = html_report(report([row(n=16, planned=82)]))
    [head, _, base] = Page(page).rows
    assert base[head.index("n")] == "16 of 82"
    assert "(0/16 of 82)" in page
    assert "of an evaluation that has not finished" in page


def test_the_table_has_the_figures_and_the_charts_draw_them() -> None:
    page = html_report(report(ROWS))
    [head, of_base, base, of_tuned, tuned, rephrased] = Page(page).rows
    assert head == list(HEAD)
    assert (of_base, of_tuned) == (["smollm2-135m (base)"], ["smollm2-135m 0a1b2c3d (tuned)"]), "each model once"
    assert base[:6] == ["memorization", "▁", "0.00", ".00–.14", "0", "24"]
    assert tuned[2:13] == ["0.96", ".80–.99", "23", "24", "0.00", "+.96", "23", "0", "<.001", "<.001", ""]
    assert rephrased[-1] == "2", "failures are counted apart"
    drawn = charts(page)
    assert [chart.get("aria-label") for chart in drawn] == ["memorization", "rephrased"]
    bars = [element for element in drawn[0].iter() if element.tag.endswith("rect")]
    assert [bar.get("class") for bar in bars] == ["bar base", "bar tuned"]
    widths = [float(bar.get("width") or 0) for bar in bars]
    assert widths[0] == 0
    assert widths[1] == pytest.approx(23 / 24 * 360, abs=0.1)
    assert "0.96  (23/24)".replace("  ", " ") in page


def test_what_the_figures_say_names_each_model_and_dataset_where_there_are_several() -> None:
    alone = html_report(report(ROWS))
    assert "<h2>What the figures say</h2>\n<p>The facts are in" in alone, "of one there is nothing to tell apart"
    another = row(
        **{**TUNED, "model": "ft:smollm2-135m:ftb:b:7777", "model_key": 3}, task="rephrased", fixed=0, p_value=1.0
    )
    page = html_report(report([*ROWS, another]))
    assert "<h3>people, smollm2-135m 0a1b2c3d (tuned)</h3>\n<p>The facts are in" in page
    assert "<h3>people, smollm2-135m 7777 (tuned)</h3>\n<p>rephrased: 0.00" in page


def test_what_the_figures_say_is_as_sure_as_the_adjusted_p_of_the_table() -> None:
    figures = {"correct": 6, "score": 0.25, "fixed": 6, "p_value": 0.03}
    tasks = ("rephrased", "vignette")
    pairs = [each for task in tasks for each in (row(task=task), row(**TUNED, task=task, **figures))]
    page = html_report(report(pairs))
    assert page.count("(exact McNemar, Holm over the table: p .060): not sure, this may be chance.</p>") == 2
    assert page.count("<td class=n>.060</td>") == 2


def test_a_long_name_is_whole_beside_its_bar() -> None:
    names = [
        "gpt-4o-mini-2024-07-18 Ab12Cd34 (tuned)",
        "short (base)",
        "meta-llama/Llama-3.1-405B-Instruct-Turbo-Free (base)",
    ]
    bars = [Bar(name, "tuned", 0.5, 0.4, 0.6, "0.50") for name in names]
    [chart] = charts(bar_chart("memorization", bars, {"always No": 0.5}))
    labels = [e for e in chart.iter() if e.get("class") == "label"]
    assert "".join(e.text or "" for e in labels).replace(" ", "") == "".join(names).replace(" ", "")
    ends = [float(e.get("y") or 0) for e in labels]
    assert all(later - before >= 15 for before, later in itertools.pairwise(ends)), "no line stands on another"
    middles = [float(e.get("y") or 0) + 8 for e in chart.iter() if str(e.get("class")).startswith("bar ")]
    assert len(middles) == 3
    assert max(len(e.text or "") for e in labels) <= 36
    assert ends[0] < middles[0] < ends[1] < middles[1] < ends[-1]
    assert float(chart.get("height") or 0) > max(ends) + 22


def test_it_needs_nothing_else_and_forbids_itself_to_reach_out() -> None:
    page = html_report(report(ROWS, examples=(Examples(ROWS[1], (answer(),)),)))
    found = Page(page)
    assert not found.reaching_out
    assert not found.handlers
    assert not found.tags & {"script", "link", "img", "iframe", "object", "form"}
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert "url(" not in page


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text_everywhere(name: str) -> None:
    rows = [
        row(model=name, dataset=name, dataset_id=name),
        row(**{**TUNED, "model": name, "dataset": name, "dataset_id": name}),
    ]
    plain = Page(
        html_report(
            report(ROWS[:2], examples=(Examples(ROWS[1], (answer(),)),), measured=(Section("x", (("a", "b"),)),))
        )
    )
    page = html_report(
        report(
            rows, grader=name, version=name, baselines={(name, "memorization"): {name: 0.5}},
            examples=(Examples(rows[1], (answer(question=name, answer=name, response=name, reason=name),)),),
            measured=(Section(name, ((name, name),)),),
        )
    )  # fmt: skip
    found = Page(page)
    assert found.tags <= plain.tags | {"line", "pre"}
    assert not found.handlers
    assert not found.reaching_out
    assert not [letter for letter in page if letter != "\n" and not letter.isprintable()]
    assert [len(cells) for cells in found.rows[:5]] == [len(HEAD), 1, len(HEAD), 1, len(HEAD)]
    assert charts(page)


def test_wrong_answers_and_the_way_of_measuring_are_in_it() -> None:
    page = html_report(
        report(
            ROWS, examples=(Examples(ROWS[1], (answer(response="first\nsecond"),)),),
            measured=(Section("Dataset people", (("version", "abc123"), ("licence", "CC0"))),),
        )
    )  # fmt: skip
    assert ["How tall?", "188", "first\nsecond", "wrong", "no 188", ""] in Page(page).rows
    assert "<dt>version</dt><dd>abc123</dd>" in page
    assert "exact McNemar" in page
    assert "Made 2026-09-21 14:13 UTC" in page


def test_a_report_of_nothing_says_so() -> None:
    assert "Nothing was evaluated yet." in html_report(report([]))


def test_levels_are_drawn_across_bars_and_curves_at_their_height() -> None:
    [bars] = charts(bar_chart("t", [Bar("a", "base", 0.5, 0.4, 0.6, "0.50")], {"always No": 0.25}))
    [level] = [e for e in bars.iter() if e.get("class") == "level"]
    [bar] = [e for e in bars.iter() if e.get("class") == "bar base"]
    at, start = float(level.get("x1") or 0), float(bar.get("x") or 0)
    assert at - start == pytest.approx(float(bar.get("width") or 0) / 2)
    points = [Point(0, 0.0, 0.0, 0.1), Point(3, 1.0, 0.9, 1.0)]
    [curve] = charts(curve_chart("t", points, {"majority": 0.5}, unit="epoch"))
    ys = [float(e.get("cy") or 0) for e in curve.iter() if e.get("class") == "point"]
    [line] = [e for e in curve.iter() if e.get("class") == "level"]
    assert float(line.get("y1") or 0) == pytest.approx(sum(ys) / 2)
    assert ys[0] > ys[1]


def test_the_tuned_model_does_not_hide_the_last_checkpoint_of_a_curve() -> None:
    points = [Point(0, 0.0, 0.0, 0.1), Point(3, 1.0, 0.9, 1.0), Point(3, 1.0, 0.9, 1.0, is_tuned=True)]
    [curve] = charts(curve_chart("t", points, {}, unit="epoch"))
    marks = [e for e in curve.iter() if e.get("class") == "point"]
    assert [e.tag.rpartition("}")[2] for e in marks] == ["circle", "circle", "path"]
    titles = ["".join(e.itertext()) for e in marks]
    assert titles[2] == titles[1].replace("epoch 3", "epoch 3, the tuned model")
    beside = float((marks[2].get("d") or "M0").split()[0].removeprefix("M")) - float(marks[1].get("cx") or 0)
    assert beside > 3.5, "its left corner is right of the checkpoint's edge"
    assert "epoch (0: the base, ◆: the tuned model)" in "".join(curve.itertext())
    [alone] = charts(curve_chart("t", [points[0], points[2]], {}, unit="epoch"))
    [mark] = [e for e in alone.iter() if e.tag.endswith("path") and e.get("class") == "point"]
    [tick] = [e for e in alone.iter() if e.get("class") == "tick" and e.text == "3"]
    assert float((mark.get("d") or "M0").split()[0].removeprefix("M")) + 5 == pytest.approx(float(tick.get("x") or 0))


def test_a_score_over_other_questions_stands_beside_the_line_of_a_curve() -> None:
    points = [Point(0, 0.0, 0.0, 0.1, n=6), Point(1, 0.5, 0.4, 0.6, joined=False, n=24), Point(2, 1.0, 0.9, 1.0, n=6)]
    [curve] = charts(curve_chart("t", points, {}, unit="epoch"))
    [line] = [e for e in curve.iter() if e.get("class") == "curve"]
    joined = [e for e in curve.iter() if e.get("class") == "point"]
    [apart] = [e for e in curve.iter() if e.get("class") == "point apart"]
    assert (line.get("points") or "").split() == [f"{e.get('cx')},{e.get('cy')}" for e in joined]
    assert "".join(apart.itertext()) == "epoch 1: 0.50 (95% 0.40 to 0.60) of 24"
    [lonely] = charts(curve_chart("t", points[1:2], {}, unit="epoch"))
    assert not [e for e in lonely.iter() if e.get("class") == "curve"]
