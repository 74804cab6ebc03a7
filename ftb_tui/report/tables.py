"""The result table in six formats, from the same rows."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import groupby
from typing import Protocol

from ftb_tui.report.certainty import sure_sign
from ftb_tui.report.columns import CELL_LIMIT, aligned
from ftb_tui.report.matrix import adjusted_p
from ftb_tui.report.numbers import difference, interval, p_value, score
from ftb_tui.report.plain import CONTROL_PICTURES, json_text, one_line, visible
from ftb_tui.store.results import ResultRow

_HOLM = "p Holm"
HEAD = ("dataset", "model", "task", "n", "score", "95%", "base", "diff", "fixed", "broken", "p", _HOLM, "failed")
_RIGHT = frozenset({"n", "score", "95%", "base", "fixed", "broken", "p", _HOLM, "failed"})
"""Changes are set to the left, so that their figures stand below each other with stars and without."""

_Judged = Sequence[tuple[ResultRow, float | None]]
"""Rows, each with its p-value as Holm adjusts it."""


def result_objects(rows: Sequence[ResultRow]) -> list[dict[str, object]]:
    """Every row as a JSON object with the names of its fields, and `p_holm`; the first names are a promise to scripts."""
    return [_object(*each) for each in _judged(rows, rows)]


def results_text(
    rows: Sequence[ResultRow],
    style: str,
    *,
    width: int | None = None,
    among: Sequence[ResultRow] | None = None,
) -> str:
    """The table as text. Raises `KeyError` for an unknown style; see `STYLES`.

    A `table` that is wider than `width` columns is given by model, which fits into 80. P-values are adjusted for all
    comparisons of the table by the same grader; where the rows are only some of it, `among` is the whole.
    """
    judged = _judged(rows, rows if among is None else among)
    text = STYLES[style](judged)
    too_wide = style == "table" and width is not None and max(map(len, text.splitlines())) > width
    return _by_model(judged) if too_wide else text


def _judged(rows: Sequence[ResultRow], table: Sequence[ResultRow]) -> _Judged:
    found = {
        grader: adjusted_p([row for row in table if row.grader == grader]) for grader in {row.grader for row in table}
    }
    return [(row, found[row.grader].get((row.dataset_id, row.model_key, row.task))) for row in rows]


def asked_so_far(row: ResultRow, *, of: str = " of ") -> str:
    """How many answers a score rests on: `82`, or `16 of 82` where more are still to be asked for."""
    return f"{row.n}{of}{row.planned}" if row.n + row.failed < row.planned else str(row.n)


def _cells(rows: _Judged, *, of: str = " of ") -> list[tuple[str, ...]]:
    return [
        (
            row.dataset, model_label(row), row.task, asked_so_far(row, of=of), score(row.score),
            interval(row.low, row.high), score(row.base_score) if row.fixed is not None else "",
            f"{difference(row.difference)}{'*' if sure_sign(adjusted, row.difference) else ''}", _count(row.fixed),
            _count(row.broken), p_value(row.p_value), p_value(adjusted), str(row.failed or ""),
        )
        for row, adjusted in rows
    ]  # fmt: skip


class Labelled(Protocol):
    """What names a model."""

    @property
    def provider(self) -> str:
        """Who serves it."""

    @property
    def model(self) -> str:
        """Its whole name."""

    @property
    def kind(self) -> str:
        """`base`, `tuned` or `checkpoint`."""

    @property
    def base_model(self) -> str:
        """What it was tuned from."""

    @property
    def epoch(self) -> int | None:
        """After how many epochs a checkpoint was taken."""


def model_label(row: Labelled) -> str:
    """A model as people tell it from others: its name, and what it is."""
    if row.provider == "imported":
        return f"{row.model} (imported)"
    if row.kind == "base":
        return f"{row.model} (base)"
    what = "tuned" if row.kind == "tuned" else f"epoch {row.epoch}" if row.epoch else "checkpoint"
    name = row.model.split(":ckpt-")[0]
    return f"{row.base_model} {name.rsplit(':', 1)[-1]} ({what})" if name.startswith("ft:") else f"{name} ({what})"


def short_label(row: Labelled) -> str:
    """A model where there is little room, below its base: `tuned 0a1b2c3d`."""
    if row.kind == "base" or not row.model.startswith("ft:"):
        return row.model
    what = "tuned" if row.kind == "tuned" else f"epoch {row.epoch}" if row.epoch else "checkpoint"
    return f"{what} {row.model.split(':ckpt-')[0].rsplit(':', 1)[-1]}"


def _count(value: int | None) -> str:
    return "" if value is None else str(value)


def _table(rows: _Judged) -> str:
    return _aligned(_cells(rows), HEAD)


def _by_model(rows: _Judged) -> str:
    """The same with dataset and model on a line of their own above their tasks."""
    head, rule, *lines = _aligned(_cells(rows, of="/"), HEAD[2:]).splitlines()
    said = [head, rule]
    for (dataset, model), group in groupby(
        zip((row for row, _ in rows), lines, strict=True), key=lambda pair: (pair[0].dataset, model_label(pair[0]))
    ):
        said += [one_line(f"{dataset}, {model}", CELL_LIMIT), *(line for _, line in group)]
    return "".join(f"{line}\n" for line in said)


def _aligned(cells: Sequence[tuple[str, ...]], wanted: Sequence[str]) -> str:
    """Those columns of the table in which there is anything; the adjusted p has only its stars there."""
    used = [
        place
        for place, name in enumerate(HEAD)
        if name in wanted and name != _HOLM and any(line[place] for line in cells)
    ]
    lines = [[line[place] for place in used] for line in cells]
    return aligned([HEAD[place] for place in used], lines, right=_RIGHT, rule=True)


def _object(row: ResultRow, adjusted: float | None) -> dict[str, object]:
    return {**asdict(row), "p_holm": adjusted}


def _json(rows: _Judged) -> str:
    return json_text([_object(*each) for each in rows]) + "\n"


def _csv(rows: _Judged) -> str:
    out = io.StringIO()
    names = [*(field.name for field in fields(ResultRow)), "p_holm"]
    writer = csv.DictWriter(out, fieldnames=names, lineterminator="\r\n")
    writer.writeheader()
    for each in rows:
        writer.writerow({name: for_spreadsheet(value) for name, value in _object(*each).items()})
    return out.getvalue()


def for_spreadsheet(value: object) -> object:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front, which it shows as text."""
    if not isinstance(value, str):
        return value
    text = visible(value, keep_newlines=False)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _markdown(rows: _Judged) -> str:
    return markdown_table(HEAD, _cells(rows), right=_RIGHT)


def markdown_table(head: Sequence[str], lines: Sequence[Sequence[str]], *, right: Collection[str]) -> str:
    """A Markdown table; columns named in `right` are set to the right. Nothing in the cells is read as markup."""
    marked = [head, tuple("---:" if name in right else "---" for name in head)]
    marked += [tuple(map(for_markdown, line)) for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in marked)


def for_markdown(cell: str) -> str:
    """Escape what would be markup; underscores inside words and a lone `<` are not."""
    return re.sub(r"[\\`*\[\]|~&]|<(?=[A-Za-z/!?])|(?<!\w)_|_(?!\w)", r"\\\g<0>", visible(cell, keep_newlines=False))


_LATEX: Mapping[str, str] = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "−": "$-$", "±": r"$\pm$", "<": "$<$", ">": "$>$",
    "|": "$|$", "`": r"\textasciigrave{}", "‹": r"$\langle$", "›": r"$\rangle$",
    # At the beginning of a row these would be taken for an option of the line break before it.
    "[": "{[}", "*": "{*}",
}  # fmt: skip


def _latex(rows: _Judged) -> str:
    return latex_table(HEAD, _cells(rows), right=_RIGHT)


def latex_table(head: Sequence[str], lines: Sequence[Sequence[str]], *, right: Collection[str]) -> str:
    """A booktabs table; the document needs `\\usepackage{booktabs}`. Nothing in the cells is read as a command."""

    def render(line: Sequence[str]) -> str:
        return " & ".join(map(_for_latex, line)) + r" \\"

    columns = "".join("r" if name in right else "l" for name in head)
    body = "\n".join(map(render, lines))
    return f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{render(head)}\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n"


def _for_latex(cell: str) -> str:
    # Control characters as code points, since no common font has their pictures.
    plain = "".join(
        f"‹U+{ord(letter) - CONTROL_PICTURES:04X}›" if 0 <= ord(letter) - CONTROL_PICTURES < 0x20 else letter
        for letter in visible(cell, keep_newlines=False)
    )
    return "".join(_LATEX.get(letter, letter) for letter in plain)


def _html(rows: _Judged) -> str:
    def render(line: Sequence[str], tag: str) -> str:
        cells = "".join(
            f"<{tag}{' class=n' if name in _RIGHT else ''}>{html.escape(visible(cell, keep_newlines=False))}</{tag}>"
            for name, cell in zip(HEAD, line, strict=True)
        )
        return f"<tr>{cells}</tr>"

    body = "\n".join(render(line, "td") for line in _cells(rows))
    style = "table{border-collapse:collapse;font:14px system-ui}td,th{padding:.3em .8em;border-bottom:1px solid #ccc}"
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>FineTuneBench results</title>\n'
        f"<style>{style}.n{{text-align:right}}</style>\n<table>\n{render(HEAD, 'th')}\n{body}\n</table></html>\n"
    )


STYLES: Mapping[str, Callable[[_Judged], str]] = {
    "table": _table,
    "json": _json,
    "csv": _csv,
    "markdown": _markdown,
    "latex": _latex,
    "html": _html,
}
