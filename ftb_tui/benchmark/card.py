"""The dataset card of Fictional People, with its counts computed from the questions themselves."""

from __future__ import annotations

from collections import Counter

from ftb_tui.benchmark.model import YES_NO_TASKS, Dataset, Task
from ftb_tui.benchmark.statistics import trivial_baselines

_MEANING = {
    Task.MEMORIZATION: "the trained question, word for word",
    Task.REPHRASED: "the same fact, asked in other words and another sentence shape",
    Task.SECONDARY: "yes or no: something that follows from the fact",
    Task.COMPARISON: "yes or no: two different people compared",
}


def fictional_people_card(dataset: Dataset, *, seed: int, people: int) -> str:
    """The card as Markdown: what it is, how it was made, examples, balance, baselines, limits."""
    first = dataset.facts[0]
    rows = [
        f"| {task} | {sum(q.task is task for q in dataset.questions)} | {_MEANING[task]} |" for task in dataset.tasks
    ]
    examples = []
    for task in dataset.tasks:
        shown = next(q for q in dataset.questions if q.task is task and q.fact_id == first.fact_id)
        examples.append(f"| {task} | {shown.question} | {shown.answer} |")
    balance, baselines = [], []
    for task in dataset.tasks:
        if task not in YES_NO_TASKS:
            continue
        asked = [question for question in dataset.questions if question.task is task]
        counts = Counter((question.template, question.answer) for question in asked)
        balance += [f"| {name} | {counts[name, 'Yes']} | {counts[name, 'No']} |" for name in _templates(counts)]
        trivial = trivial_baselines(asked)
        if trivial:
            baselines.append(
                f"| {task} | {trivial.always_no:.3f} | {trivial.always_yes:.3f} | {trivial.majority:.3f} |"
            )
    return f"""# {dataset.title}

{people} people who do not exist, six facts each, {len(dataset.questions)} questions. A model that answers them has
learned them from you.

| | |
|---|---|
| family | fictional_people (new knowledge) |
| made by | `{dataset.source}` |
| seed | {seed} |
| licence | {dataset.licence} |
| language | English |
| answer tokens | {dataset.answer_tokens} suffice for every gold |

## Tasks

| task | questions | what is asked |
|---|---|---|
{_lines(rows)}

The facts are height, weight, year of birth, town, occupation and musical instrument. `fact_id` joins the questions
of one fact; a comparison names its second fact as `other_fact_id`. Only memorization prompts may be trained on.

## One fact in all tasks

Taught: {first.text}

| task | question | gold |
|---|---|---|
{_lines(examples)}

## Balance of the yes/no golds

| template | Yes | No |
|---|---|---|
{_lines(balance)}

## Scores without any knowledge

| task | always No | always Yes | majority of each template |
|---|---|---|---|
{_lines(baselines)}

## How it was made

Names of people and towns come from syllables; no two people share the first four letters of a name. Values are drawn
without replacement as long as their range lasts. Thresholds of the secondary questions lie 3 to 15 units from the
value. A comparison is made with a near person in the list, so that the first N people keep most of theirs. Nothing
was taken from any other dataset. Equal seeds give equal files; another seed gives other people.

On 2026-11-21 a second reader, who had written none of it, read the templates, the lists of values and, for seed 2411,
every fact and question. That reading changed no question: the golds followed from the facts. It found the second to
fourth of the limits below. Nobody has read the worlds of other seeds.

## Limits

The people are independent draws: height says nothing about weight. Thresholds lie near
the values, so they give a little away: answering the secondary questions on height, weight and year by the half of the
range in which the threshold falls is right in 45 of 75 for seed 2411, and in 63 of 100 over five worlds of 200 people.
Two comparisons may hold the same two people in either order. "Which instrument lies on the empty chair" is
asked of bagpipes and sitars too, which no orchestra has. All questions are English and name their person
in full, so nothing here tests telling two people apart. Whoever trains on a published seed makes that seed useless
as a test; take your own.
"""


def _templates(counts: Counter[tuple[str, str]]) -> list[str]:
    return list(dict.fromkeys(template for template, _ in counts))


def _lines(rows: list[str]) -> str:
    return "\n".join(rows)
