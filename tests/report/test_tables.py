"""One table in six formats: the same figures in each, and nothing that a model is called can break any of them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from html.parser import HTMLParser

import pytest

from ftb_tui.report.tables import HEAD, STYLES, results_text
from tests.report.rows import ROWS, TUNED, row

HOSTILE = [
    "[bold red]x[/]",
    "\x1b[31mred\x1b]0;title\x07",
    "a\u202eb\u200bc\x9bm",
    "nul\x00del\x7f",
    "two\nlines\r\nand\ttab",
    '=cmd|"/c calc"!A0',
    "<script>alert(1)</script>&amp;",
    "a|b\\|c `d` *e* _f_ ![g](h)",
    r"\input{/etc/passwd} %$#_{}~^",
    "日本語モデル",
    "x" * 5000,
]


def test_the_table_for_people() -> None:
    assert results_text(ROWS, "table") == (
        "dataset  model                          task           n  score      95%  base  diff   fixed  broken      p  failed\n"
        "───────  ─────────────────────────────  ────────────  ──  ─────  ───────  ────  ─────  ─────  ──────  ─────  ──────\n"
        "people   smollm2-135m (base)            memorization  24   0.00  .00–.14\n"
        "people   smollm2-135m 0a1b2c3d (tuned)  memorization  24   0.96  .80–.99  0.00  +.96*     23       0  <.001\n"
        "people   smollm2-135m 0a1b2c3d (tuned)  rephrased     24   0.50  .31–.69  0.00  +.50*     12       0  <.001       2\n"
    )


def test_a_table_that_is_too_wide_is_given_by_model_and_fits_80_columns() -> None:
    text = results_text(ROWS, "table", width=80)
    assert text == (
        "task           n  score      95%  base  diff   fixed  broken      p  failed\n"
        "────────────  ──  ─────  ───────  ────  ─────  ─────  ──────  ─────  ──────\n"
        "people, smollm2-135m (base)\n"
        "memorization  24   0.00  .00–.14\n"
        "people, smollm2-135m 0a1b2c3d (tuned)\n"
        "memorization  24   0.96  .80–.99  0.00  +.96*     23       0  <.001\n"
        "rephrased     24   0.50  .31–.69  0.00  +.50*     12       0  <.001       2\n"
    )
    assert results_text(ROWS, "table", width=200) == results_text(ROWS, "table")


def test_half_a_score_does_not_look_finished_in_any_format() -> None:
    half = [row(n=16, planned=82), row(**TUNED, fixed=10, p_value=0.002, n=120, planned=600, failed=3)]
    for style in ("table", "markdown", "latex", "html"):
        assert "16 of 82" in results_text(half, style)
        assert "120 of 600" in results_text(half, style)
    narrow = results_text(half, "table", width=80)
    assert "16/82" in narrow
    assert max(map(len, narrow.splitlines())) <= 80
    assert [line["planned"] for line in json.loads(results_text(half, "json"))] == [82, 600]
    assert [line["planned"] for line in csv.DictReader(io.StringIO(results_text(half, "csv")))] == ["82", "600"]
    over = row(n=80, failed=2, planned=82)
    assert " of " not in results_text([over], "table"), "what failed was asked"


def test_a_star_and_the_p_of_holm_are_of_the_whole_table_and_of_each_grader() -> None:
    tests = {"memorization": 0.03, "rephrased": 0.04, "secondary": 0.9}
    some = [row(**TUNED, task=task, fixed=9, correct=9, p_value=p) for task, p in tests.items()]
    sure = row(**TUNED, task="memorization", grader="exact", fixed=9, p_value=0.03)
    objects = json.loads(results_text([*some, sure], "json"))
    assert [line["p_holm"] for line in objects] == pytest.approx([0.09, 0.09, 0.9, 0.03])
    assert [float(line["p_holm"]) for line in csv.DictReader(io.StringIO(results_text(some, "csv")))] == pytest.approx(
        [0.09, 0.09, 0.9]
    )
    assert "*" not in results_text(some, "table")
    assert "| .030 | .090 |" in results_text(some, "markdown")
    assert "+.38\\*" in results_text(some[:1], "markdown"), "alone it is sure"
    assert "| .030 | .090 |" in results_text(some[:1], "markdown", among=some), (
        "a part of a table is as sure as all of it"
    )


def test_a_width_changes_no_other_format() -> None:
    for style in set(STYLES) - {"table"}:
        assert results_text(ROWS, style, width=10) == results_text(ROWS, style)


def test_columns_without_anything_in_them_are_left_out_of_the_table() -> None:
    assert results_text([row()], "table").splitlines()[0].split() == ["dataset", "model", "task", "n", "score", "95%"]


def test_markdown() -> None:
    assert results_text(ROWS[:2], "markdown") == (
        "| dataset | model | task | n | score | 95% | base | diff | fixed | broken | p | p Holm | failed |\n"
        "| --- | --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |\n"
        "| people | smollm2-135m (base) | memorization | 24 | 0.00 | .00–.14 |  |  |  |  |  |  |  |\n"
        "| people | smollm2-135m 0a1b2c3d (tuned) | memorization | 24 | 0.96 | .80–.99 | 0.00 | +.96\\* | 23 | 0 | <.001 "
        "| <.001 |  |\n"
    )


def test_latex_is_a_booktabs_table() -> None:
    rows = [row(dataset="my_people"), row(**TUNED, dataset="my_people", fixed=12, p_value=1e-7, score=0.5)]
    assert results_text(rows, "latex") == (
        "\\begin{tabular}{lllrrrrlrrrrr}\n\\toprule\n"
        "dataset & model & task & n & score & 95\\% & base & diff & fixed & broken & p & p Holm & failed \\\\\n\\midrule\n"
        "my\\_people & smollm2-135m (base) & memorization & 24 & 0.00 & .00--.14 &  &  &  &  &  &  &  \\\\\n"
        "my\\_people & smollm2-135m 0a1b2c3d (tuned) & memorization & 24 & 0.50 & .00--.14 & 0.00 & +.50{*} & 12 & 0 & "
        "$<$.001 & $<$.001 &  \\\\\n\\bottomrule\n\\end{tabular}\n"
    )


def test_json_has_the_promised_names_and_exact_figures() -> None:
    objects = json.loads(results_text(ROWS, "json"))
    adjusted = [None, pytest.approx(4.8e-07), pytest.approx(0.0004883)]
    assert objects == [{**asdict(line), "p_holm": p} for line, p in zip(ROWS, adjusted, strict=True)]
    promised = (
        "dataset family provider model kind base_model epoch task grader n correct failed score low high "
        "base_score fixed broken p_value"
    )
    assert list(objects[0])[:19] == promised.split()


def test_csv_has_every_field_unrounded() -> None:
    lines = list(csv.DictReader(io.StringIO(results_text(ROWS, "csv"))))
    assert [float(line["score"]) for line in lines] == [0.0, 23 / 24, 0.5]
    assert lines[0]["epoch"] == ""
    assert list(lines[0]) == [*asdict(ROWS[0]), "p_holm"]


def test_csv_without_rows_still_has_its_head() -> None:
    assert results_text([], "csv").strip().split(",") == [*asdict(ROWS[0]), "p_holm"]


class Cells(HTMLParser):
    """The cells of a page's table, and every tag in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.links: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip("\n")


def test_html_is_one_page_that_needs_nothing_else() -> None:
    page = Cells(results_text(ROWS, "html"))
    assert page.rows[0] == list(HEAD)
    assert page.rows[2][:5] == ["people", "smollm2-135m 0a1b2c3d (tuned)", "memorization", "24", "0.96"]
    assert page.links == []
    assert "script" not in page.tags


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("style", STYLES)
def test_no_name_reaches_a_terminal_as_anything_but_visible_text(style: str, name: str) -> None:
    text = results_text([row(model=name, dataset=name)], style)
    assert not [letter for letter in text.replace("\r\n", "\n") if letter != "\n" and not letter.isprintable()]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_every_format_still_has_one_line_for_one_row(name: str) -> None:
    hostile = row(model=name, dataset=name)
    assert len(results_text([hostile], "table").splitlines()) == 3
    assert len(results_text([hostile], "table", width=40).splitlines()) == 4
    assert json.loads(results_text([hostile], "json"))[0]["model"] == name
    [line] = csv.DictReader(io.StringIO(results_text([hostile], "csv")))
    assert line["task"] == "memorization"
    assert len(results_text([hostile], "markdown").splitlines()) == 3
    page = Cells(results_text([hostile], "html"))
    assert [len(cells) for cells in page.rows] == [len(HEAD)] * 2
    assert "script" not in page.tags
    body = results_text([hostile], "latex").split("\\midrule\n")[1].split("\n\\bottomrule")[0]
    assert body.count("\n") == 0


def test_a_formula_is_text_to_a_spreadsheet() -> None:
    for formula in ("=1+1", "+1", "-1", "@SUM(A1)"):
        [line] = csv.DictReader(io.StringIO(results_text([row(model=formula)], "csv")))
        assert line["model"] == f"'{formula}"
    [line] = csv.DictReader(io.StringIO(results_text([row(model="\t=1")], "csv")))
    assert not line["model"].startswith(("=", "\t"))


def test_markup_in_a_name_is_escaped_in_markdown() -> None:
    text = results_text([row(model="a|b <b>c</b> *d* [e](f) my_model_x")], "markdown")
    assert r"a\|b \<b>c\</b> \*d\* \[e\](f) my_model_x (base)" in text


def test_wide_characters_line_up() -> None:
    from rich.cells import cell_len

    lines = results_text([row(model="日本語モデル"), row()], "table").splitlines()
    assert len({cell_len(line) for line in lines[1:]}) == 1


def test_latex_has_no_character_with_a_meaning_of_its_own_left() -> None:
    text = results_text([row(model=r"\input{x} %$#_{}~^&[*|<>`" + "\x00")], "latex")
    line = text.split("\\midrule\n")[1].split("\n")[0]
    assert line.startswith(
        r"people & \textbackslash{}input\{x\} \%\$\#\_\{\}\textasciitilde{}\textasciicircum{}\&{[}{*}$|$$<$$>$"
        r"\textasciigrave{}$\langle$U+0000$\rangle$ (base) & memorization"
    )
