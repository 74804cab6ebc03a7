"""The result table in six formats, from the same rows."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from ftb_tui.report.numbers import difference, interval, p_value, score
from ftb_tui.store.results import ResultRow

HEAD = ("dataset", "model", "task", "n", "score", "95%", "base", "diff", "fixed", "broken", "p", "failed")
_RIGHT = frozenset({"n", "score", "95%", "base", "diff", "fixed", "broken", "p", "failed"})


def result_objects(rows: Sequence[ResultRow]) -> list[dict[str, object]]:
    """Every row as a JSON object with the names of its fields; the first names are a promise to scripts."""
    return [asdict(row) for row in rows]


def results_text(rows: Sequence[ResultRow], style: str) -> str:
    """The table as text. Raises `KeyError` for an unknown style; see `STYLES`."""
    return STYLES[style](rows)


def _cells(rows: Sequence[ResultRow]) -> list[tuple[str, ...]]:
    return [
        (
            row.dataset, model_label(row), row.task, str(row.n), score(row.score), interval(row.low, row.high),
            score(row.base_score) if row.fixed is not None else "", difference(row.difference), _count(row.fixed),
            _count(row.broken), p_value(row.p_value), str(row.failed or ""),
        )
        for row in rows
    ]  # fmt: skip


def model_label(row: ResultRow) -> str:
    """A model as people tell it from others: its name, and what it is."""
    if row.kind == "base":
        return f"{row.model} (base)"
    what = "tuned" if row.kind == "tuned" else f"epoch {row.epoch}" if row.epoch else "checkpoint"
    name = row.model.split(":ckpt-")[0]
    return f"{row.base_model} {name.rsplit(':', 1)[-1]} ({what})" if name.startswith("ft:") else f"{name} ({what})"


def _count(value: int | None) -> str:
    return "" if value is None else str(value)


def _table(rows: Sequence[ResultRow]) -> str:
    cells = _cells(rows)
    used = [place for place in range(len(HEAD)) if any(line[place] for line in cells)]
    widths = {place: max(len(HEAD[place]), *(len(line[place]) for line in cells)) for place in used}

    def render(line: Sequence[str]) -> str:
        parts = (
            line[place].rjust(widths[place]) if HEAD[place] in _RIGHT else line[place].ljust(widths[place])
            for place in used
        )
        return "  ".join(parts).rstrip()

    return "\n".join([render(HEAD), "  ".join("─" * widths[place] for place in used), *map(render, cells)]) + "\n"


def _json(rows: Sequence[ResultRow]) -> str:
    return json.dumps(result_objects(rows), indent=2, ensure_ascii=False) + "\n"


def _csv(rows: Sequence[ResultRow]) -> str:
    out = io.StringIO()
    objects = result_objects(rows)
    writer = csv.DictWriter(out, fieldnames=list(objects[0]) if objects else ["dataset"], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(objects)
    return out.getvalue()


def _markdown(rows: Sequence[ResultRow]) -> str:
    lines = [HEAD, tuple("---:" if name in _RIGHT else "---" for name in HEAD)]
    lines += [tuple(cell.replace("|", "\\|") for cell in line) for line in _cells(rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


_LATEX: Mapping[str, str] = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "−": "$-$", "±": r"$\pm$", "<": "$<$",
}  # fmt: skip


def _latex(rows: Sequence[ResultRow]) -> str:
    def render(line: Sequence[str]) -> str:
        return " & ".join("".join(_LATEX.get(letter, letter) for letter in cell) for cell in line) + r" \\"

    columns = "".join("r" if name in _RIGHT else "l" for name in HEAD)
    body = "\n".join(map(render, _cells(rows)))
    return f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{render(HEAD)}\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n"


def _html(rows: Sequence[ResultRow]) -> str:
    def render(line: Sequence[str], tag: str) -> str:
        cells = "".join(
            f"<{tag}{' class=n' if name in _RIGHT else ''}>{html.escape(cell)}</{tag}>"
            for name, cell in zip(HEAD, line, strict=True)
        )
        return f"<tr>{cells}</tr>"

    body = "\n".join(render(line, "td") for line in _cells(rows))
    style = "table{border-collapse:collapse;font:14px system-ui}td,th{padding:.3em .8em;border-bottom:1px solid #ccc}"
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>FineTuneBench results</title>\n'
        f"<style>{style}.n{{text-align:right}}</style>\n<table>\n{render(HEAD, 'th')}\n{body}\n</table></html>\n"
    )


STYLES: Mapping[str, Callable[[Sequence[ResultRow]], str]] = {
    "table": _table,
    "json": _json,
    "csv": _csv,
    "markdown": _markdown,
    "latex": _latex,
    "html": _html,
}
