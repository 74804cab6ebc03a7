"""A table of one's own becomes a dataset, whatever wrote it; what is broken is named to the column."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftb_tui.benchmark.importing import Imported, ImportOptions, read_path
from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Dataset, Family, Task

ROWS = [("Who sings in Zürich?", "Jörg"), ("How much is it, all in all?", "1,250.50"), ("What did they\nsay?", "None")]


def imported(tmp_path: Path, name: str, content: str | bytes, **told: object) -> Imported:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_path(file, ImportOptions(**told))  # type: ignore[arg-type]


def one(tmp_path: Path, name: str, content: str | bytes, **told: object) -> Dataset:
    [dataset] = imported(tmp_path, name, content, **told).datasets
    return dataset


def delimited(delimiter: str, end: str = "\n") -> str:
    lines = [f"question{delimiter}answer", *(delimiter.join(f'"{cell}"' for cell in row) for row in ROWS)]
    return end.join(lines) + end


JSON_ROWS = [{"question": question, "answer": answer} for question, answer in ROWS]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", delimited(",").encode()),
        ("a.csv", delimited(",", "\r\n").encode("utf-8-sig")),
        ("a.csv", delimited(";", "\r\n").encode("cp1252")),
        ("a.csv", delimited("\t", "\r\n").encode("utf-16")),
        ("a.csv", delimited("\t").encode("utf-16-le")),
        ("a.csv", ("sep=;\n" + delimited(";")).encode()),
        ("a.csv", ("sep=;\r\n" + delimited(";", "\r\n")).encode("utf-8-sig")),
        ("a.csv", (delimited(";") + ";\n;\n").encode()),
        ("a.txt", delimited("|").encode()),
        ("a.tsv", delimited("\t").encode()),
        ("a.jsonl", "\n".join(json.dumps(row) for row in JSON_ROWS).encode()),
        ("a.jsonl", "\r\n".join(json.dumps(row, ensure_ascii=False) for row in JSON_ROWS).encode("utf-8-sig")),
        ("a.json", json.dumps(JSON_ROWS, indent=1).encode()),
        ("a.json", json.dumps({"version": 2, "data": JSON_ROWS}).encode()),
    ],
)
def test_every_form_of_the_same_rows_is_the_same_dataset(tmp_path: Path, name: str, content: bytes) -> None:
    dataset = one(tmp_path, name, content)
    assert [(question.question, question.answer) for question in dataset.questions] == ROWS
    assert dataset.family is Family.CUSTOM
    assert dataset.tasks == (Task.MEMORIZATION,)
    assert dataset.version == one(tmp_path, "b.csv", delimited(",")).version


def test_windows_letters_are_read_and_the_guess_is_told(tmp_path: Path) -> None:
    found = imported(tmp_path, "a.csv", "question,answer\nWho?,“Jörg” €5\n".encode("cp1252"))
    assert found.datasets[0].questions[0].answer == "“Jörg” €5"
    assert any("read as cp1252" in note for note in found.notes)
    named = imported(tmp_path, "a.csv", "question,answer\nWho?,Łódź\n".encode("iso-8859-2"), encoding="latin2")
    assert named.datasets[0].questions[0].answer == "Łódź"
    assert not any("read as" in note for note in named.notes)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"question,answer\nWho?\n", r"a\.csv, line 2, column 2: only 1 cell; 'answer' is the first"),
        ("a.csv", b'question,answer\nA,"x\ny"\nB,c,d\n', r"a\.csv, line 4, column 3: 3 cells where the header names 2"),
        ("a.csv", b'question,answer\nA,"x\n', r"a\.csv, line 2: .* unclosed or stray quote"),
        ("a.csv", b"question,answer\n ,Ida\n", r"a\.csv, line 2, column 'question': the question is empty"),
        ("a.csv", b"question,answer,answer\nA,b,c\n", r"a\.csv, line 1, column 3: a second column is named 'answer'"),
        ("a.csv", b"question,answer,task\nA,b,memorization\nC,d,guess\n", r"line 3, column 'task': 'guess' is no task"),
        ("a.csv", b"question,answer,task\nA,b,memorisation\n", r"'memorisation' is no task; .* leave it out: --map task="),
        ("a.jsonl", b'{"question": "A", "answer": "b"}\n{"question": "\\ud83d?", "answer": "c"}\n', r"'question' holds half"),
        ("a.json", b'[{"question": "A", "answer": "b", "x": [{"\\udc00": 1}]}]', r"a\.json, line 1: 'x' holds half a character"),
        ("a.csv", b"question,answer\n", "has a header but no rows"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"question,answer\nA\x81,\x8d\n", r"a\.csv, line 2, byte 2: 0x81 is not utf-8.*not Windows-1252"),
        ("a.csv", b"x,y\nA,b\n", r"none of its columns \(x, y\) is known as the question"),
        ("a.csv", b"question,y\nA,b\n", r"known as the answer. Name it: --map answer=COLUMN"),
        ("a.jsonl", b'{"question": "A", "answer": "b"}\n{"question": }\n', r"a\.jsonl, line 2, column 14: Expecting value"),
        ("a.jsonl", b'{"question": "A", "answer": "b"}\n[1]\n', r"a\.jsonl, line 2: an object is expected, .*, not \[.1.\]"),
        ("a.json", b'[{"question": "A",\n "answer": }]', r"a\.json, line 2, column 12: Expecting value"),
        ("a.json", b'[{"question": "A", "answer": "b"},\n\n 3]', r"a\.json, line 3: an object is expected, .*, not 3"),
        ("a.json", b'{"a": [{"q": 1}], "b": [{"q": 2}]}', r"several lists of objects \(a, b\)"),
        ("a.json", b'{"a": 1}', "no list of objects"),
        ("a.xlsx", b"PK", r"only files named \.csv.*Excel can save as"),
        ("a.parquet", b"PAR1 not really", r"a\.parquet is not readable Parquet"),
        pytest.param("a.jsonl", b"{}\n" + b"[" * 100_000, "a.jsonl, line 2: too deeply nested", id="deep line"),
        pytest.param("a.json", b"[" * 100_000, "a.json: too deeply nested", id="deep file"),
    ],
)  # fmt: skip
def test_what_is_broken_is_named_to_line_and_column(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        imported(tmp_path, name, content)


def test_columns_are_guessed_by_name_and_what_is_told_wins(tmp_path: Path) -> None:
    content = "ID,Query,Gold Answer,Expected,Statement,Article,Note\n7,Who?,Ida,Olm,Ida sings.,Long text,x\n"
    found = imported(tmp_path, "a.csv", content)
    assert found.mapping is not None
    assert dict(found.mapping.columns) == {
        "question_id": "ID", "question": "Query", "answer": "Gold Answer", "fact": "Statement", "context": "Article",
    }  # fmt: skip
    assert found.mapping.unused == ("Expected", "Note")
    [dataset] = found.datasets
    assert (dataset.facts[0].text, dataset.facts[0].context) == ("Ida sings.", "Long text")
    assert dataset.questions[0].question_id == "memorization/7"
    told = imported(tmp_path, "a.csv", content, columns={"answer": "Expected"})
    assert told.datasets[0].questions[0].answer == "Olm"
    assert told.mapping is not None and told.mapping.guessed
    plain = imported(tmp_path, "b.csv", "question,answer\nWho?,Ida\n").mapping
    assert plain is not None and not plain.guessed


def test_tasks_come_from_a_column_an_option_or_a_second_question_in_the_row(tmp_path: Path) -> None:
    long = "fact_id,task,question,answer\nf1,memorization,Who?,Ida\nf1,Date Changed,When?,None\n"
    dataset = one(tmp_path, "long.csv", long)
    assert [(question.task, question.fact_id) for question in dataset.questions] == [
        (Task.MEMORIZATION, "f1"), (Task.DATE_CHANGED, "f1"),
    ]  # fmt: skip
    assert {q.task for q in one(tmp_path, "long.csv", long, task=Task.REPHRASED).questions} == {Task.REPHRASED}
    wide = one(tmp_path, "wide.csv", "question,answer,rephrased_question\nWho?,Ida,Name the singer.\nWhat?,Ode,\n")
    assert [(question.task, question.question, question.answer) for question in wide.questions] == [
        (Task.MEMORIZATION, "Who?", "Ida"), (Task.MEMORIZATION, "What?", "Ode"), (Task.REPHRASED, "Name the singer.", "Ida"),
    ]  # fmt: skip
    assert wide.questions[0].fact_id == wide.questions[2].fact_id
    # A column named "type" that names no task is nobody's task.
    assert one(tmp_path, "type.csv", "type,question,answer\nhard,Who?,Ida\n").tasks == (Task.MEMORIZATION,)


def test_rows_about_one_fact_text_share_the_fact_and_repeated_ids_stay_apart(tmp_path: Path) -> None:
    dataset = one(
        tmp_path,
        "a.csv",
        "id,question,answer,fact\n1,A?,x,It is x.\n1,B?,x,It is x.\n2,C?,x,It is x.\n3,D?,y,It is y.\n",
    )
    assert [question.question_id for question in dataset.questions] == [
        "memorization/1", "memorization/1#2", "memorization/2", "memorization/3",
    ]  # fmt: skip
    assert [question.fact_id for question in dataset.questions] == ["1", "1", "1", "3"]


def test_two_facts_of_one_id_are_two_facts(tmp_path: Path) -> None:
    dataset = one(tmp_path, "a.csv", "id,question,answer,fact\n1,A?,x,It is x.\n1,B?,y,It is y.\n")
    assert [fact.text for fact in dataset.facts] == ["It is x.", "It is y."]
    assert len({question.fact_id for question in dataset.questions}) == 2


def test_prompts_stay_verbatim_and_empty_golds_are_left_to_the_audit(tmp_path: Path) -> None:
    dataset = one(tmp_path, "a.csv", 'prompt,question,answer\n"  Say:\n Who? ",Who?,\nWhat?,,b\n')
    assert dataset.questions[0].prompt == "  Say:\n Who? "
    assert [question.question for question in dataset.questions] == ["Who?", "What?"]
    assert [question.answer for question in dataset.questions] == ["", "b"]


def test_json_values_keep_their_digits_and_null_is_not_a_word(tmp_path: Path) -> None:
    lines = ['{"question": "A?", "answer": 1.10}', '{"question": "B?", "answer": ["x"]}', '{"question": "C?", "answer": null}',
             '{"question": "D?", "answer": true}', '{"question": "E?", "answer": "None"}']  # fmt: skip
    dataset = one(tmp_path, "a.jsonl", "\n".join(lines))
    assert [question.answer for question in dataset.questions] == ["1.10", "x", "", "true", "None"]


def test_a_chat_training_file_is_questions_and_answers(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "Ida"},
    ]
    dataset = one(tmp_path, "train.jsonl", json.dumps({"messages": messages}))
    assert [(question.prompt, question.answer) for question in dataset.questions] == [("Who?", "Ida")]


def test_a_folder_with_several_tables_asks_for_one(tmp_path: Path) -> None:
    imported(tmp_path, "d/a.csv", delimited(","))
    assert len(read_path(tmp_path / "d").datasets[0].questions) == 3
    imported(tmp_path, "d/b.csv", delimited(","))
    with pytest.raises(DatasetError, match=r"holds several files.*a\.csv, b\.csv\. Give one"):
        read_path(tmp_path / "d")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no file of rows"):
        read_path(tmp_path / "empty")


def test_a_hugging_face_directory_in_parquet_is_read_with_its_licence(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    data = tmp_path / "quiz" / "data"
    data.mkdir(parents=True)
    for shard, rows in enumerate((JSON_ROWS[:2], JSON_ROWS[2:])):
        parquet.write_table(arrow.Table.from_pylist(rows), data / f"train-0000{shard}-of-00002.parquet")
    (tmp_path / "quiz" / "README.md").write_text("---\nlicense: cc-by-4.0\ntags: [x]\n---\n# Quiz\n")
    [dataset] = read_path(tmp_path / "quiz").datasets
    assert [(question.question, question.answer) for question in dataset.questions] == ROWS
    assert (dataset.name, dataset.licence) == ("quiz", "cc-by-4.0")
    assert dataset.provenance is not None
    assert [file.n_rows for file in dataset.provenance.files] == [2, 1]
    parquet.write_table(arrow.Table.from_pylist([{"other": 1}]), data / "test.parquet")
    with pytest.raises(DatasetError, match=r"has the columns .*Give one of the files"):
        read_path(tmp_path / "quiz")


def test_parquet_without_its_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DatasetError, match=r"pip install 'ftb-tui\[parquet\]'"):
        imported(tmp_path, "a.parquet", b"PAR1")
