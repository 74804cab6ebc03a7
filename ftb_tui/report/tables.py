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

from ftb_tui.report.columns import CELL_LIMIT, aligned
from ftb_tui.report.numbers import difference, interval, p_value, score
from ftb_tui.report.plain import CONTROL_PICTURES, json_text, one_line, visible
from ftb_tui.store.results import ResultRow

HEAD = ("dataset", "model", "task", "n", "score", "95%", "base", "diff", "fixed", "broken", "p", "failed")
_RIGHT = frozenset({"n", "score", "95%", "base", "diff", "fixed", "broken", "p", "failed"})


def result_objects(rows: Sequence[ResultRow]) -> list[dict[str, object]]:
    """Every row as a JSON object with the names of its fields; the first names are a promise to scripts."""
    return [asdict(row) for row in rows]


def results_text(rows: Sequence[ResultRow], style: str, *, width: int | None = None) -> str:
    """The table as text. Raises `KeyError` for an unknown style; see `STYLES`.

    A `table` that is wider than `width` columns is given by model, which fits into 80.
    """
    text = STYLES[style](rows)
    too_wide = style == "table" and width is not None and max(map(len, text.splitlines())) > width
    return _by_model(rows) if too_wide else text


def _cells(rows: Sequence[ResultRow]) -> list[tuple[str, ...]]:
    return [
        (
            row.dataset, model_label(row), row.task, str(row.n), score(row.score), interval(row.low, row.high),
            score(row.base_score) if row.fixed is not None else "", difference(row.difference), _count(row.fixed),
            _count(row.broken), p_value(row.p_value), str(row.failed or ""),
        )
        for row in rows
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


def _table(rows: Sequence[ResultRow]) -> str:
    return _aligned(rows, HEAD)


def _by_model(rows: Sequence[ResultRow]) -> str:
    """The same with dataset and model on a line of their own above their tasks."""
    head, rule, *lines = _aligned(rows, HEAD[2:]).splitlines()
    said = [head, rule]
    for (dataset, model), group in groupby(
        zip(rows, lines, strict=True), key=lambda pair: (pair[0].dataset, model_label(pair[0]))
    ):
        said += [one_line(f"{dataset}, {model}", CELL_LIMIT), *(line for _, line in group)]
    return "".join(f"{line}\n" for line in said)


def _aligned(rows: Sequence[ResultRow], wanted: Sequence[str]) -> str:
    """Those columns of the table in which there is anything."""
    cells = _cells(rows)
    used = [place for place, name in enumerate(HEAD) if name in wanted and any(line[place] for line in cells)]
    lines = [[line[place] for place in used] for line in cells]
    return aligned([HEAD[place] for place in used], lines, right=_RIGHT, rule=True)


def _json(rows: Sequence[ResultRow]) -> str:
    return json_text(result_objects(rows)) + "\n"


def _csv(rows: Sequence[ResultRow]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=[field.name for field in fields(ResultRow)], lineterminator="\r\n")
    writer.writeheader()
    for row in result_objects(rows):
        writer.writerow({name: for_spreadsheet(value) for name, value in row.items()})
    return out.getvalue()


def for_spreadsheet(value: object) -> object:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front, which it shows as text."""
    if not isinstance(value, str):
        return value
    text = visible(value, keep_newlines=False)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _markdown(rows: Sequence[ResultRow]) -> str:
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


def _latex(rows: Sequence[ResultRow]) -> str:
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


def _html(rows: Sequence[ResultRow]) -> str:
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


STYLES: Mapping[str, Callable[[Sequence[ResultRow]], str]] = {
    "table": _table,
    "json": _json,
    "csv": _csv,
    "markdown": _markdown,
    "latex": _latex,
    "html": _html,
}
