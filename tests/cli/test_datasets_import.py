"""`ftb datasets import`, `fetch` and `audit`, as people and scripts run them."""

from __future__ import annotations

import asyncio
import hashlib
import http.server
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ftb_tui.benchmark.load import read_dataset_folder
from tests.benchmark.published import REAL, all_files, coding, needs_real, news, write
from tests.cli.conftest import Ftb

COMMIT = "fedcba9876543210fedcba9876543210fedcba98"
TABLE = "Frage;Gold;Notiz\nWer singt?;Ida;x\nWer schweigt?;Jörg;y\n"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    return write(tmp_path / "published", all_files())


def archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as out:
        out.comment = COMMIT.encode()
        for name, text in all_files().items():
            out.writestr(f"Repo-{COMMIT}/datasets/{name}", text)
    return content.getvalue()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """`serve(body, status=200, promised=None)` gives the address of a server that answers so."""
    running = []

    def start(body: bytes, status: int = 200, promised: int | None = None) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(promised or len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/archive/{COMMIT}.zip"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def test_a_folder_of_published_files_becomes_datasets_that_list_and_show_know(ftb: Ftb, published: Path) -> None:
    done = ftb("datasets", "import", str(published), "--json")
    assert done.code == 0
    listed = {entry["dataset"]: entry for entry in done.json["datasets"]}
    assert listed["finetunebench_latest_news"]["tasks"] == {"memorization": 3, "rephrased": 3, "date_changed": 3}
    assert "finetunebench_latest_news_analysis" in listed
    assert all(entry["new"] for entry in listed.values())
    assert "coding: there is no file for memorization" in done.err
    origins = {entry["dataset"]: entry["from"] for entry in ftb("datasets", "list", "--json").json}
    assert origins["finetunebench_medical"] == str(published)
    shown = ftb("datasets", "show", "finetunebench_latest_news", "--json").json
    assert shown["provenance"]["files"][0]["n_rows"] == 3
    assert "Associated Press" in shown["provenance"]["licence_note"]
    assert shown["facts"][0]["context"].startswith("A headline")
    assert "Taken from" in ftb("datasets", "show", "finetunebench_latest_news").out


def test_the_same_files_twice_are_the_same_datasets(ftb: Ftb, published: Path) -> None:
    first = ftb("datasets", "import", str(published), "--json").json["datasets"]
    again = ftb("datasets", "import", str(published), "--json").json["datasets"]
    assert [entry["dataset_id"] for entry in first] == [entry["dataset_id"] for entry in again]
    assert not any(entry["new"] for entry in again)
    stored = [entry for entry in ftb("datasets", "list", "--json").json if entry["dataset"].startswith("finetunebench")]
    assert len(stored) == len(first)


def test_an_import_that_fails_late_leaves_nothing(ftb: Ftb, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ftb_tui.store import datasets

    real, saved = datasets._save, []

    async def third_time_full(db: object, dataset: object) -> bool:
        saved.append(dataset)
        if len(saved) == 3:
            raise OSError(28, "No space left on device")
        return await real(db, dataset)  # type: ignore[arg-type]

    monkeypatch.setattr(datasets, "_save", third_time_full)
    assert ftb("datasets", "import", str(published)).code == 1
    assert not [
        entry for entry in ftb("datasets", "list", "--json").json if entry["dataset"].startswith("finetunebench")
    ]


def test_a_spreadsheet_is_taken_with_its_guesses_told_where_no_one_can_be_asked(
    ftb_process: Ftb, tmp_path: Path
) -> None:
    file = tmp_path / "Fragen (neu).csv"
    file.write_bytes(TABLE.encode("cp1252"))
    done = ftb_process("datasets", "import", str(file), "--json")
    assert done.code == 0
    assert "question=Frage (guessed), answer=Gold (guessed); not used: Notiz" in done.err
    assert "read as cp1252" in done.err
    assert "divided by a semicolon" in done.err
    assert done.json["mapping"] == {"question": "Frage", "answer": "Gold"}
    assert done.json["datasets"][0]["dataset"] == "fragen_neu"
    shown = ftb_process("datasets", "show", "fragen-neu", "--json").json
    assert [question["answer"] for question in shown["questions"]] == ["Ida", "Jörg"]


def test_columns_family_task_and_name_can_be_told(ftb: Ftb, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a1,b1\nWho sings?,Ida\n")
    refused = ftb("datasets", "import", str(file))
    assert refused.code == 2
    assert "--map question=COLUMN" in refused.err
    arguments = ("--map", "question=a1", "--map", "answer=b1", "--family", "latest-news", "--task", "rephrased")
    done = ftb("datasets", "import", str(file), *arguments, "--name", "mine", "--json")
    assert done.code == 0
    assert "guessed" not in done.err
    [entry] = done.json["datasets"]
    assert (entry["dataset"], entry["family"], entry["tasks"]) == ("mine", "latest_news", {"rephrased": 1})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--map", "answer"), "FIELD=COLUMN"),
        (("--task", "guessing"), "known are memorization"),
        (("--family", "cooking"), "known are fictional_people"),
        (("--map", "answer=Golt"), "Did you mean 'Gold'"),
        (("--map", "colour=Gold"), "no field 'colour'"),
        (("--encoding", "klingon"), "no encoding 'klingon'"),
        (("--encoding", "utf-8"), "line 3, byte 16: 0xf6 is not utf-8"),
        (("--name", "../x"), "use letters"),
        (("--name", "fictional_people"), "bundled dataset's name"),
    ],
)
def test_what_is_told_wrongly_is_refused_with_what_is_known(
    ftb: Ftb, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(TABLE.encode("cp1252"))
    done = ftb("datasets", "import", str(file), *arguments)
    assert done.code == 2
    assert words in done.err
    assert ftb("datasets", "list", "--json").json[0]["from"] == "bundled"


def test_the_benchmark_is_fetched_with_progress_size_and_hash(ftb: Ftb, serve: Callable[..., str]) -> None:
    body = archive()
    address = serve(body)
    done = ftb("datasets", "fetch", "finetunebench", "--url", address, "--json")
    assert done.code == 0
    assert f"{len(body):,} bytes of {len(body):,}" in done.err
    assert hashlib.sha256(body).hexdigest() in done.err
    taken = done.json["datasets"][0]["provenance"]
    assert (taken["origin"], taken["revision"]) == (address, COMMIT)
    assert taken["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_fetch_that_breaks_says_where_and_leaves_nothing(ftb: Ftb, home: Path, serve: Callable[..., str]) -> None:
    body = archive()
    for address, code, words in (
        (serve(b"", 404), 1, "answered 404"),
        (serve(b"", 503), 3, "answered 503"),
        (serve(body[:500], promised=len(body)), 3, "ended the download after 500"),
        ("http://127.0.0.1:9/x.zip", 3, "127.0.0.1:9 cannot be reached"),
        ("file:///etc/passwd", 1, "not an http or https address"),
        (serve(b"<html>sorry</html>"), 2, "not a readable archive"),
    ):
        done = ftb("datasets", "fetch", "finetunebench", "--url", address)
        assert (done.code, words in done.err) == (code, True), done.err
    assert list(home.rglob("*.part")) == []
    assert all(not entry["stored"] for entry in ftb("datasets", "list", "--json").json)


def test_an_audit_in_json_is_a_list_that_scripts_can_rely_on(ftb: Ftb, published: Path) -> None:
    ftb("datasets", "import", str(published / "coding"))
    stored = ftb("datasets", "audit", "finetunebench_coding", "--json")
    by_path = ftb("datasets", "audit", str(published / "coding"), "--json")
    assert stored.code == by_path.code == 0
    assert stored.json == by_path.json
    for finding in stored.json:
        assert {"check", "severity", "count", "question_ids", "message"} <= set(finding)
    [several] = [finding for finding in stored.json if finding["check"] == "several_new_names"]
    assert several["question_ids"] == ["coding/rephrased/0", "coding/rephrased/1"]
    assert several["severity"] == "warning"


def test_an_audit_for_people_says_what_is_wrong_and_what_to_do(ftb: Ftb, published: Path) -> None:
    done = ftb("datasets", "audit", str(published))
    assert done.code == 0
    assert "error self_comparison: 1" in done.out
    assert "Leave them out" in done.out
    assert "fictional_people/comparison/mira-tolk-aaa-mira-tolk-aaa-age" in done.out
    missing = ftb("datasets", "audit", "nobody")
    assert missing.code == 2
    assert "There is no dataset 'nobody'" in missing.err


def test_hostile_cells_are_shown_not_obeyed(ftb: Ftb, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("question,answer,\x1b[31mred\nWho?\x1b]0;owned\x07,\x1b[2J,1\nWho?\x1b]0;owned\x07,[bold]b,1\n")
    for done in (ftb("datasets", "import", str(file)), ftb("datasets", "audit", "x")):
        assert done.code == 0
        assert "\x1b" not in done.said
    assert "␛[2J" in done.out


def test_an_exported_import_comes_back_as_it_was(ftb: Ftb, published: Path, tmp_path: Path) -> None:
    ftb("datasets", "import", str(published / "latest_news"))
    assert ftb("datasets", "export", "finetunebench_latest_news", str(tmp_path / "out")).code == 0
    taken = read_dataset_folder(tmp_path / "out").provenance
    assert taken is not None
    assert taken.origin == str(published / "latest_news")
    again = ftb("datasets", "import", str(tmp_path / "out"), "--json").json["datasets"]
    assert [entry["new"] for entry in again] == [False]


def test_a_terminal_is_asked_before_guessed_columns_are_taken(
    ftb: Ftb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    from ftb_tui.cli import datasets_import

    file = tmp_path / "x.csv"
    file.write_bytes(TABLE.encode("cp1252"))
    asked = []

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def no(question: str, **options: object) -> None:
        asked.append(question)
        raise click.Abort

    monkeypatch.setattr(datasets_import.sys, "stdin", Terminal())
    monkeypatch.setattr(click, "confirm", no)
    assert ftb("datasets", "import", str(file)).code == 130
    assert asked == ["Are these columns right?"]
    assert ftb("datasets", "import", str(file), "--yes").code == 0
    assert len(asked) == 1


def test_an_old_store_gains_provenance_and_keeps_its_datasets(
    home: Path, ftb: Ftb, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftb_tui.benchmark.load import load_bundled
    from ftb_tui.store import database

    whole = database.migrations()
    monkeypatch.setattr(database, "migrations", lambda: {1: whole[1]})

    async def old() -> None:
        db = await database.open_store()
        dataset = load_bundled("fictional_people")
        await db.execute(
            "INSERT INTO datasets VALUES (?, 'fictional_people', ?, 'fictional_people', '', '', '', '', '', 16, 0, NULL)",
            (dataset.dataset_id, dataset.version),
        )
        fact, question = dataset.facts[0], dataset.questions[0]
        await db.execute(
            "INSERT INTO facts (dataset_id, position, fact_id, text, subject, attribute, value) VALUES (?, 0, ?, ?, '', '', '')",
            (dataset.dataset_id, fact.fact_id, fact.text),
        )
        await db.execute(
            "INSERT INTO questions (dataset_id, position, question_id, task, fact_id, prompt, question, answer, template)"
            " VALUES (?, 0, ?, ?, ?, ?, ?, ?, '')",
            (
                dataset.dataset_id,
                question.question_id,
                question.task,
                fact.fact_id,
                question.prompt,
                question.question,
                "1",
            ),
        )
        await db.close()

    asyncio.run(old())
    monkeypatch.undo()
    monkeypatch.setenv("FTB_HOME", str(home))
    shown = ftb("datasets", "show", "fictional_people", "--json")
    assert shown.code == 0
    assert shown.json["questions"][0]["original"] == ""
    assert shown.json["provenance"] is None


@needs_real
def test_the_real_files_come_in_and_are_audited(ftb: Ftb) -> None:
    done = ftb("datasets", "import", str(REAL), "--json")
    assert done.code == 0
    assert sum(entry["questions"] for entry in done.json["datasets"]) == 1770 + 150 + 600 + 250 + 218
    findings = ftb("datasets", "audit", "finetunebench_fictional_people", "--json").json
    assert next(f["count"] for f in findings if f["check"] == "comparison_gold_contradicts_facts") == 55


def test_single_files_do_not_shadow_the_whole_family(ftb: Ftb, tmp_path: Path) -> None:
    write(tmp_path, {**news(), **coding()})
    ftb("datasets", "import", str(tmp_path))
    one = ftb("datasets", "import", str(tmp_path / "latest_news" / "latest_news_rephrased.csv"), "--json").json
    assert [entry["dataset"] for entry in one["datasets"]] == [
        "finetunebench_latest_news_rephrased",
        "finetunebench_latest_news_rephrased_analysis",
    ]
    assert len(ftb("datasets", "show", "finetunebench_latest_news", "--json").json["questions"]) == 9


def test_it_is_said_as_which_task_a_column_of_second_questions_is_taken(tmp_path: Path, ftb: Ftb) -> None:
    (tmp_path / "quiz.csv").write_text(
        "question,answer,rephrased\nWho sings?,Ida,The singer is who?\n", encoding="utf-8"
    )
    done = ftb("datasets", "import", str(tmp_path / "quiz.csv"))
    assert "taken as memorization, those of column 'rephrased' as rephrased (say" in " ".join(done.err.split())
    assert "memorization 1, rephrased 1" in done.out + done.err
    (tmp_path / "one.csv").write_text("question,answer\nWho sings?,Ida\n", encoding="utf-8")
    assert "taken as memorization (say" in " ".join(ftb("datasets", "import", str(tmp_path / "one.csv")).err.split())
