"""The published benchmark comes in whole, whatever form it has, and nothing in it is repaired or lost."""

from __future__ import annotations

import csv
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from ftb_tui.benchmark.importing import ImportOptions, read_path
from ftb_tui.benchmark.load import DatasetError, read_dataset_folder, write_dataset_folder
from ftb_tui.benchmark.model import Dataset, Family, Question, Task
from tests.benchmark.published import REAL, all_files, coding, medical, needs_real, news, people, text, write

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    files = all_files()
    write(tmp_path / "repo", {f"datasets/{name}": content for name, content in files.items()})
    write(tmp_path / "repo", {"README.md": "# Read me", "prompts/latest_news.json": "{}", "datasets/.DS_Store": "x"})
    return tmp_path / "repo"


def by_name(path: Path, options: ImportOptions | None = None) -> dict[str, Dataset]:
    return {dataset.name: dataset for dataset in read_path(path, options).datasets}


def of(dataset: Dataset, task: Task) -> list[Question]:
    return [question for question in dataset.questions if question.task is task]


def test_a_checkout_gives_four_families_and_the_rows_of_the_figures(checkout: Path) -> None:
    found = by_name(checkout)
    assert {name: len(dataset.questions) for name, dataset in found.items()} == {
        "finetunebench_latest_news": 9,
        "finetunebench_latest_news_analysis": 6,
        "finetunebench_fictional_people": 40,
        "finetunebench_medical": 6,
        "finetunebench_coding": 3,
    }
    for dataset in found.values():
        assert len({question.question_id for question in dataset.questions}) == len(dataset.questions)
        facts = {fact.fact_id for fact in dataset.facts}
        assert {question.fact_id for question in dataset.questions} <= facts


def test_archives_folder_and_checkout_give_the_same_datasets(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".git" / "refs").mkdir(parents=True)
    (checkout / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (checkout / ".git" / "packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n")
    zipped, tarred = tmp_path / "a.zip", tmp_path / "b.tar.gz"
    with zipfile.ZipFile(zipped, "w") as archive, tarfile.open(tarred, "w:gz", pax_headers={"comment": COMMIT}) as tar:
        archive.comment = COMMIT.encode()
        for file in sorted(checkout.rglob("*")):
            if file.is_file() and ".git" not in file.parts:
                name = f"Repo-main/{file.relative_to(checkout)}"
                archive.write(file, name)
                info = tarfile.TarInfo(name)
                info.size = file.stat().st_size
                tar.addfile(info, io.BytesIO(file.read_bytes()))
    sources = [checkout, zipped, tarred, checkout / "datasets"]
    ids = [[dataset.dataset_id for dataset in read_path(path).datasets] for path in sources]
    assert ids[0] == ids[1] == ids[2] == ids[3]
    for path in sources:
        taken = read_path(path).datasets[0].provenance
        assert taken is not None
        assert taken.revision == COMMIT
        assert len(taken.sha256) == 64
        assert [file.n_rows for file in taken.files] == [3, 3, 3]


def test_newlines_outer_space_none_and_odd_ids_are_kept_verbatim(tmp_path: Path) -> None:
    dataset = by_name(write(tmp_path, news()))["finetunebench_latest_news"]
    [first, *_] = of(dataset, Task.MEMORIZATION)
    assert first.prompt.endswith("\n    Answer: ")
    changed = of(dataset, Task.DATE_CHANGED)
    assert [question.answer for question in changed] == ["None"] * 3
    assert changed[0].prompt.startswith("\nSay it")
    assert changed[0].original == first.question
    assert "2025" in changed[0].question
    assert any(question.question_id == "latest_news/rephrased/café-burns-l’été-xyz" for question in dataset.questions)
    assert "\n\nPORT VELL" in dataset.facts[0].context
    assert len({question.fact_id for question in dataset.questions}) == 3


def test_a_person_s_six_facts_meet_their_questions_and_comparisons_cite_what_the_file_cites(tmp_path: Path) -> None:
    dataset = by_name(write(tmp_path, people()))["finetunebench_fictional_people"]
    assert len(dataset.facts) == 12
    for trained, again in zip(of(dataset, Task.MEMORIZATION), of(dataset, Task.REPHRASED), strict=True):
        assert trained.fact_id == again.fact_id
        assert again.original == trained.question
    height = next(fact for fact in dataset.facts if fact.fact_id == "fictional_people/mira-tolk-aaa/height")
    assert (height.subject, height.attribute, height.value) == ("Mira Tolk", "height", "181")
    taller, *_, itself = of(dataset, Task.COMPARISON)
    assert taller.fact_id == "fictional_people/mira-tolk-aaa/weight"
    assert taller.other_fact_id == "fictional_people/bano-esk-bbb/weight"
    assert itself.fact_id == itself.other_fact_id


def test_rows_in_another_order_still_meet_their_facts(tmp_path: Path) -> None:
    files = people()
    name = "fictional_people/fictional_people_rephrased.csv"
    columns, *rows = csv.reader(io.StringIO(files[name]))
    files[name] = text(columns, rows[::-1])
    dataset = by_name(write(tmp_path, files))["finetunebench_fictional_people"]
    trained = {question.question: question.fact_id for question in of(dataset, Task.MEMORIZATION)}
    assert len(dataset.facts) == 12
    assert all(trained[question.original] == question.fact_id for question in of(dataset, Task.REPHRASED))


def test_one_id_with_two_facts_is_two_facts_that_still_meet_their_tasks(tmp_path: Path) -> None:
    files = {name: content.replace("a tram named Ilse-qqq", "café-burns-l’été-xyz") for name, content in news().items()}
    dataset = by_name(write(tmp_path, files))["finetunebench_latest_news"]
    assert len(dataset.facts) == 3
    by_task = [[question.fact_id for question in of(dataset, task)] for task in dataset.tasks]
    assert by_task[0] == by_task[1] == by_task[2]
    assert len(set(by_task[0])) == 3
    assert len({question.question_id for question in dataset.questions}) == 9


def test_medical_golds_stay_in_their_task_and_updates_know_what_was_before(tmp_path: Path) -> None:
    dataset = by_name(write(tmp_path, medical()))["finetunebench_medical"]
    trained, cases = of(dataset, Task.MEMORIZATION), of(dataset, Task.VIGNETTE)
    assert [question.answer for question in trained] == ["noon", "two", "three"]
    assert [question.answer for question in cases] == ["take it soon", "no, one more", "no, one more"]
    assert [question.fact_id for question in trained] == [question.fact_id for question in cases]
    assert cases[0].answer_before == "wait"
    assert dataset.facts[0].context == "Take the blue vial\nbefore noon."


def test_the_missing_coding_file_is_said_and_nothing_is_derived(tmp_path: Path) -> None:
    found = read_path(write(tmp_path, coding()))
    [dataset] = found.datasets
    assert dataset.tasks == (Task.REPHRASED,)
    assert any("no file for memorization" in note and "Nothing is derived" in note for note in found.notes)
    rows = coding()["coding/coding_generalization.csv"]
    write(tmp_path, {"coding/coding_memorization.csv": rows.replace("Which", "Which new")})
    [whole] = read_path(tmp_path).datasets
    assert whole.tasks == (Task.MEMORIZATION, Task.REPHRASED)
    assert len(whole.facts) == 3


def test_every_single_file_comes_in_alone_even_under_another_name(tmp_path: Path) -> None:
    for name, content in all_files().items():
        stem = Path(name).stem
        renamed = "generalization" in name or "fictional" in name or "memorization" in name
        for given in (f"{stem}.csv", f"{stem} (1).csv", *([] if renamed else ["download.csv"])):
            folder = tmp_path / stem
            write(folder, {given: content})
            first = read_path(folder / given).datasets[0]
            task = stem.replace("medical_generalization", "medical_vignette").replace(
                "coding_generalization", "coding_rephrased"
            )
            assert first.name == f"finetunebench_{task}"


def test_people_s_files_are_told_apart_by_their_rows(tmp_path: Path) -> None:
    for name, content in people().items():
        write(tmp_path, {"x.csv": content})
        [dataset] = read_path(tmp_path / "x.csv").datasets
        assert dataset.name == f"finetunebench_{Path(name).stem}"


def test_answers_of_models_are_not_taken_for_questions(tmp_path: Path) -> None:
    files = coding()
    content = (
        files["coding/coding_generalization.csv"]
        .replace("answer\n", "answer,gpt_response\n")
        .replace("train\n", "train,x\n")
    )
    content = content.replace("teach\n", "teach,x\n").replace("expand()\n", "expand(),x\n")
    write(tmp_path, {**files, "model_responses/coding/coding_generalization_w_responses.csv": content})
    found = read_path(tmp_path)
    assert [len(dataset.questions) for dataset in found.datasets] == [3]
    assert any("import-responses" in note for note in found.notes)
    with pytest.raises(DatasetError, match="import-responses"):
        read_path(tmp_path / "model_responses")


def test_a_part_can_be_chosen_and_named(checkout: Path) -> None:
    news_only = by_name(checkout, ImportOptions(name="paper_news", family=Family.LATEST_NEWS))
    assert set(news_only) == {"paper_news", "paper_news_analysis"}
    [rephrased] = read_path(checkout, ImportOptions(family=Family.CODING, task=Task.REPHRASED)).datasets
    assert rephrased.tasks == (Task.REPHRASED,)
    with pytest.raises(DatasetError, match="for one family"):
        read_path(checkout, ImportOptions(name="all"))
    with pytest.raises(DatasetError, match="it has coding rephrased, fictional_people comparison"):
        read_path(checkout, ImportOptions(task=Task.VIGNETTE, family=Family.CODING))
    with pytest.raises(DatasetError, match="bundled dataset's name"):
        read_path(checkout, ImportOptions(name="fictional_people", family=Family.CODING))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text + "x,y\n", r"coding_generalization.csv, line 5, column 3: only 2 cells; 'prompt'"),
        (lambda text: text.replace("fit,train", '"fit,train'), r"line 2: unexpected end of data"),
        (lambda text: text.replace(",train", ",train,extra"), r"line 2, column 6: 6 cells where the header names 5"),
        (lambda text: "", r"is empty"),
    ],
)
def test_a_broken_published_file_is_named_with_its_line(tmp_path: Path, change, message: str) -> None:
    write(tmp_path, {name: change(content) for name, content in coding().items()})
    with pytest.raises(DatasetError, match=message):
        read_path(tmp_path)


def test_two_files_for_one_task_and_damaged_archives_are_refused(tmp_path: Path) -> None:
    content = coding()["coding/coding_generalization.csv"]
    write(tmp_path / "two", {"a/coding_generalization.csv": content, "b/coding_generalization.csv": content})
    with pytest.raises(DatasetError, match="are both coding rephrased"):
        read_path(tmp_path / "two")
    for name in ("x.zip", "x.tar.gz"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 no archive")
        with pytest.raises(DatasetError, match="not a readable archive"):
            read_path(tmp_path / name)
    with pytest.raises(DatasetError, match="There is no file or directory"):
        read_path(tmp_path / "nowhere")


def test_an_exported_dataset_comes_back_with_its_provenance(checkout: Path, tmp_path: Path) -> None:
    for dataset in read_path(checkout).datasets:
        write_dataset_folder(dataset, tmp_path / dataset.name)
        assert read_dataset_folder(tmp_path / dataset.name) == dataset
        assert read_path(tmp_path / dataset.name).datasets == (dataset,)


@needs_real
def test_the_real_files_give_every_row_of_every_task() -> None:
    found = by_name(REAL)
    counts = {name: {str(t): len(of(dataset, t)) for t in dataset.tasks} for name, dataset in found.items()}
    assert counts == {
        "finetunebench_latest_news": {"memorization": 590, "rephrased": 590, "date_changed": 590},
        "finetunebench_latest_news_analysis": {"memorization": 50, "rephrased": 50, "date_changed": 50},
        "finetunebench_fictional_people": {"memorization": 150, "rephrased": 150, "secondary": 150, "comparison": 150},
        "finetunebench_medical": {"memorization": 125, "vignette": 125},
        "finetunebench_coding": {"rephrased": 218},
    }
    facts = {name: len(dataset.facts) for name, dataset in found.items()}
    assert list(facts.values()) == [590, 50, 150, 125, 218]
    medical_golds = [
        {q.fact_id: q.answer for q in of(found["finetunebench_medical"], task)}
        for task in (Task.MEMORIZATION, Task.VIGNETTE)
    ]
    assert sum(medical_golds[0][key] == medical_golds[1][key] for key in medical_golds[0]) == 16
    assert all(q.answer == "None" for q in of(found["finetunebench_latest_news"], Task.DATE_CHANGED))


@needs_real
@pytest.mark.parametrize("file", sorted(REAL.rglob("*.csv")), ids=lambda file: file.stem)
def test_each_real_file_comes_in_alone(file: Path) -> None:
    [dataset, *_] = read_path(file).datasets
    assert len(dataset.questions) in (125, 150, 218, 590)
    assert len(dataset.tasks) == 1
