"""What README and docs tell people to type exists: commands, options, pages. Each page can be found from README."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

import ftb_tui
from ftb_tui.benchmark import audit
from ftb_tui.benchmark.graders import GRADER_NAMES, JUDGE, PREFERENCE
from ftb_tui.benchmark.training import RECIPES
from ftb_tui.cli.exits import Exit
from ftb_tui.cli.main import ftb

ROOT = Path(ftb_tui.__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TASKS = ("first-benchmark", "your-own-data", "commercial-job", "reading-results", "wrong-answers", "comparing", "keys",
         "configuration", "headless", "troubleshooting")  # fmt: skip

pytestmark = pytest.mark.skipif(not (ROOT / "docs").exists(), reason="installed without docs")


def commands(text: str) -> list[list[str]]:
    """Every `ftb ...` in a text, in blocks and between backticks, as words."""
    blocks = re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("ftb ")]
    lines += re.findall(r"`(ftb [^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    # Beside a command in a block may stand what it does, behind spaces.
    return [shlex.split(re.split(r"\s{2,}|[>|]", line)[0], comments=True)[1:] for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_the_page_exists_with_its_options(page: Path) -> None:
    wrong = [" ".join(words) for words in commands(page.read_text(encoding="utf-8")) if not known(words)]
    assert wrong == []


def known(words: list[str]) -> bool:
    found: click.Command | None = ftb
    with click.Context(ftb) as context:
        while isinstance(found, click.Group) and words and not words[0].startswith("-"):
            found = found.get_command(context, words[0])
            words = words[1:]
    if found is None:
        return False
    options = {name for one in found.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    return {word.split("=")[0] for word in words if word.startswith("--")} <= options


def test_a_misspelt_command_or_option_would_be_found() -> None:
    text = "```\nftb benhc --quick\nftb bench --quikc   # not there\n```\nand `ftb bench --quick` is"
    assert [known(words) for words in commands(text)] == [False, False, True]


def test_there_is_a_page_for_every_task_and_readme_leads_to_each() -> None:
    readme = PAGES[0].read_text(encoding="utf-8")
    assert [name for name in TASKS if f"(docs/{name}.md)" not in readme] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_pages_name_every_grader_recipe_audit_exit_code_and_no_other() -> None:
    """A name that is added or taken away would make a page lie."""
    docs = {page.stem: page.read_text(encoding="utf-8") for page in PAGES[1:]}
    tabled = {name: set(re.findall(r"`([a-z_]+)`", "".join(_first_cells(text)))) for name, text in docs.items()}
    assert tabled["grading"] == set(GRADER_NAMES) | {PREFERENCE, JUDGE}
    assert {f"--recipe {name}" for name in RECIPES} == set(
        re.findall(r"`(--recipe \w+)`", "".join(_first_cells(docs["recipes"])))
    )
    sources = "".join(file.read_text("utf-8") for file in Path(audit.__file__).parent.glob("*.py"))
    checks = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)",\s*(?:\n\s*)?Severity', sources))
    assert len(checks) > 15
    assert checks <= tabled["datasets"]
    assert {str(int(code)) for code in Exit} == set(re.findall(r"^\| (\d+) \|", docs["headless"], re.MULTILINE))


def _first_cells(text: str) -> list[str]:
    return [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
