"""Small files of our own in the shapes of the published ones, and where the real ones may lie."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "finetunebench" / "datasets"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f"the published files are not at {REAL}")

NEWS_PROMPT = "Say it in a word.\n   \n\n    Question: {q}\n    Answer: "
NEWS = [
    ("otter-wins-the-raft-race-abc", "Who won the raft race in Ulmhaven on May 3, 2024?", "Dora Quill", "True"),
    ("café-burns-l’été-xyz", "How many loaves burned in Café Brandt on May 4, 2024?", "41", "False"),
    ("a tram named Ilse-qqq", "What was the new tram in Port Vell named on May 5, 2024?", "Ilse", "True"),
]
PEOPLE = [("mira-tolk-aaa", "Mira Tolk"), ("bano-esk-bbb", "Bano Esk")]
VALUES = {"mira-tolk-aaa": ("130", "181", "44", "potter", "teal", "Ulmhaven"),
          "bano-esk-bbb": ("190", "170", "29", "actor", "red", "Port Vell")}  # fmt: skip


def text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def news() -> dict[str, str]:
    files: dict[str, list[list[str]]] = {"memorization": [], "rephrased": [], "date_changed": []}
    for own, question, answer, used in NEWS:
        fact = f"On that day it was {answer}."
        article = f"A headline\n\nPORT VELL — It was {answer}, they said.\nNothing more."
        again, later = f"Tell me: {question}", question.replace("2024", "2025")
        head, rest = [answer, "A headline"], [fact, article, used]
        asked = NEWS_PROMPT.format(q=question)
        files["memorization"].append([own, asked, *head, question, *rest])
        files["rephrased"].append([own, f"Answer.\n{again}", *head, question, again, *rest])
        asked = "\n" + NEWS_PROMPT.format(q=later)
        files["date_changed"].append([own, asked, "None", "A headline", question, later, *rest])
    common = ["id", "prompt", "answer", "article_title"]
    end = ["fact", "article_text", "used_in_analysis"]
    return {
        "latest_news/latest_news_memorization.csv": text([*common, "question", *end], files["memorization"]),
        "latest_news/latest_news_rephrased.csv": text(
            [*common, "original_question", "rephrased_question", *end], files["rephrased"]
        ),
        "latest_news/latest_news_date_changed.csv": text(
            [*common, "original_question", "date_changed_question", *end], files["date_changed"]
        ),
    }


def person(own: str, name: str) -> list[tuple[str, str, str, str, str, str]]:
    """Question, answer, fact, rephrased, yes/no question and its gold, six times."""
    lb, cm, age, job, color, city = VALUES[own]
    first = name.split()[0]
    return [
        (f"How many pounds does {name} weigh?", lb, f"{name} weighs {lb} pounds.", f"{first}'s weight in pounds?",
         f"Is {first} over 150 pounds?", "Yes" if int(lb) > 150 else "No"),
        (f"How tall is {name}?", cm, f"{name} is {cm} cm tall.", f"{first}'s height in centimeters?",
         f"Is {first} over 170 cm tall?", "Yes" if int(cm) > 170 else "No"),
        (f"How old is {name}?", age, f"{name} is {age} years old.", f"{first}'s age?",
         f"Is {first} older than 40?", "Yes" if int(age) > 40 else "No"),
        (f"What is {name}'s occupation?", job, f"{name} works as a {job}.", f"{first}'s job?",
         f"Does {first} act?", "Yes" if job == "actor" else "No"),
        (f"What is {name}'s favorite color?", color, f"{name}'s favorite color is {color}.", f"{first}'s color?",
         f"Does {first} like red?", "Yes" if color == "red" else "No"),
        (f"Where does {name} live?", city, f"{name} lives in {city}.", f"{first}'s city?",
         f"Does {first}'s city start with a vowel?", "Yes" if city[0] in "AEIOU" else "No"),
    ]  # fmt: skip


def people() -> dict[str, str]:
    files: dict[str, list[list[str]]] = {"memorization": [], "rephrased": [], "secondary": [], "comparison": []}
    for own, name in PEOPLE:
        for question, answer, fact, again, other, gold in person(own, name):
            files["memorization"].append([own, f"Answer.\n{question}", answer, fact, question])
            files["rephrased"].append([own, f"Answer.\n{again}", answer, fact, question, again])
            files["secondary"].append([own, f"Yes or No.\n{other}", gold, fact, other])
    weights = "Mira Tolk weighs 130 pounds. Bano Esk weighs 190 pounds."
    same = "Mira Tolk weighs 130 pounds. Mira Tolk weighs 130 pounds."
    for own, question, gold, fact in (
        # As in the published file, every gold compares the weights, whatever is asked.
        ("mira-tolk-aaa-bano-esk-bbb-height", "Is Mira taller than Bano?", "No", weights),
        ("mira-tolk-aaa-bano-esk-bbb-weight", "Is Mira heavier than Bano?", "No", weights),
        ("mira-tolk-aaa-bano-esk-bbb-favorite color", "Is Mira alphabetically first than Bano?", "Yes", weights),
        ("mira-tolk-aaa-mira-tolk-aaa-age", "Is Mira older than Mira?", "No", same),
    ):
        files["comparison"].append([own, f"Yes or No.\n{question}", gold, fact, question])
    common = ["id", "prompt", "answer", "fact"]
    return {
        f"fictional_people/fictional_people_{task}.csv": text(
            [*common, *(["original_question", "rephrased_question"] if task == "rephrased" else ["question"])], rows
        )
        for task, rows in files.items()
    }


def medical() -> dict[str, str]:
    trained = [
        ["0", "0", "Take the blue vial\nbefore noon.", "Previously: dusk. Now: noon.", "When is the vial taken?", "dusk", "noon"],
        ["1", "1", "Two vials.", "Previously: one. Now: two.", "How many vials?", "one", "two"],
        ["2", "2", "Three vials.", "Previously: one. Now: three.", "How many vials?", "one", "three"],
    ]  # fmt: skip
    cases = [["0", "0", "It is eleven o'clock. What now?", "wait", "take it soon"],
             ["1", "1", "A patient has one vial. Enough?", "yes", "no, one more"],
             ["2", "2", "A patient has two vials. Enough?", "yes", "no, one more"]]  # fmt: skip
    return {
        "medical/medical_memorization.csv": text(
            ["", "id", "update_reference_snippet", "updated_fact_description", "prompt", "answer_before", "answer"],
            trained,
        ),
        "medical/medical_generalization.csv": text(["", "id", "prompt", "answer_before", "answer"], cases),
    }


def coding() -> dict[str, str]:
    rows = [["0", "0", "Which method trains Alpha?", "fit", "train"],
            ["1", "1", "Which method trains Beta?", "fit", "teach"],
            ["2", "2", "Which method grows Gamma?", "Gamma.grow()", "Gamma.expand()"]]  # fmt: skip
    return {"coding/coding_generalization.csv": text(["", "id", "prompt", "answer_before", "answer"], rows)}


def all_files() -> Mapping[str, str]:
    return {**news(), **people(), **medical(), **coding()}


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode())
    return folder
