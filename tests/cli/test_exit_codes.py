"""Scripts can rely on the exit code: 0 done, 1 the work failed, 2 usage, 3 unreachable, 130 interrupted."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ftb_tui.cli import exits
from ftb_tui.cli.common import confirm
from tests.cli.conftest import Ftb
from tests.fakes.openai_server import FakeOpenAI, disconnect


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--version",), 0),
        (("--help",), 0),
        (("results",), 0),
        ((), 2),
        (("bnech",), 2),
        (("bench", "--epochs", "0"), 2),
        (("bench", "--epochs", "three"), 2),
        (("results", "--format", "xml"), 2),
        (("evaluate",), 2),
        (("jobs", "show", "7"), 2),
        (("jobs", "cancel", "7"), 2),
        (("train", "--dataset", "fictional_people", "--provider", "openai"), 2),
        (("providers", "check", "openai"), 3),
        (("wrong", "--model", "tuned", "--task", "rephrased"), 2),
    ],
)
def test_the_code_of_a_command_is_the_code_of_its_process(ftb: Ftb, arguments: tuple[str, ...], code: int) -> None:
    assert ftb(*arguments).code == code


def test_a_real_process_ends_with_the_same_code(ftb_process: Ftb) -> None:
    assert ftb_process("jobs", "show", "7").code == 2
    assert ftb_process().code == 2


def test_a_job_that_failed_fails_the_command_that_follows_it(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    fake_openai.job_changes = {"status": "failed", "error": {"message": "bad file", "code": "x", "param": None}}
    assert ftb("train", "--dataset", "fictional_people", "--provider", "fake", "--base", "gpt-fake", "--yes").code == 0
    followed = ftb("jobs", "follow", "last")
    assert followed.code == 1
    assert "bad file" in followed.err


def test_a_service_that_cannot_be_reached_is_told_apart_from_a_refusal(ftb: Ftb, fake_openai: FakeOpenAI) -> None:
    assert ftb("providers", "check", "fake").code == 0
    fake_openai.faults["GET /models"].extend([disconnect] * 5)
    assert ftb("providers", "check", "fake").code == 3


def test_an_unexpected_failure_is_a_sentence_with_its_traceback_in_the_log(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise ZeroDivisionError("no \x1b[31mred")

    assert exits.guarded(fails) == 1
    said = capsys.readouterr().err
    assert "ftb failed unexpectedly: ZeroDivisionError: no ␛[31mred" in said
    assert "Traceback" not in said
    assert "ZeroDivisionError" in (home / "log" / "ftb.log").read_text()


def test_an_unexpected_failure_without_a_place_for_the_log_still_shows_its_details(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FTB_HOME", str(tmp_path / "file"))

    def fails() -> None:
        raise ZeroDivisionError("nothing")

    assert exits.guarded(fails) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_child_that_a_signal_ended_counts_as_failed() -> None:
    assert exits.guarded(lambda: -9) == 1


class Terminal(io.StringIO):
    """A person who types this."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stdin", [Terminal("y\n"), io.StringIO()], ids=["a terminal", "none"])
def test_a_question_shows_the_names_in_it_and_obeys_none(
    stdin: io.StringIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    code = exits.guarded(lambda: confirm("Deploy \x1b]0;owned\x07gpt?", yes=False))
    assert code == (0 if stdin.isatty() else 2)
    assert "Deploy ␛]0;owned␇gpt?" in capsys.readouterr().err
