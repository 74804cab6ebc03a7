"""The paper's figures are kept exactly, and ours stand beside them with honest reasons."""

from __future__ import annotations

from statistics import fmean

import pytest

from ftb_tui.benchmark.statistics import newcombe, wilson
from ftb_tui.report.paper import PaperCell, held_figures, model_name, paper_cells, paper_figures
from ftb_tui.store.results import ResultRow


def figure(family: str, task: str, model: str, stage: str = "tuned") -> float:
    [found] = [
        f.score
        for f in paper_figures()
        if (f.family, f.task, model_name(f.model), f.stage) == (family, task, model, stage)
    ]
    return found


def row(model: str, correct: int, n: int, **more: object) -> ResultRow:
    low, high = wilson(correct, n)
    values: dict[str, object] = {
        "dataset": "finetunebench_latest_news", "family": "latest_news", "provider": "imported", "model": model,
        "kind": "base", "base_model": model, "epoch": None, "task": "rephrased", "grader": "exact", "n": n,
        "correct": correct, "failed": 0, "score": correct / n, "low": low, "high": high, "base_score": None,
        "fixed": None, "broken": None, "p_value": None, "abstained": 0, "planned": n, "model_key": 1,
        "dataset_id": "d@1", "evaluation_key": 1, **more,
    }  # fmt: skip
    return ResultRow(**values)  # type: ignore[arg-type]


def cells(*rows: ResultRow, grader: str = "exact") -> list[PaperCell]:
    return paper_cells(rows, {}, grader=grader)


def held(*rows: ResultRow, grader: str = "exact") -> list[PaperCell]:
    return [cell for cell in cells(*rows, grader=grader) if cell.ours is not None]


def test_the_papers_own_means_follow_from_its_cells() -> None:
    """The abstract's 37% and 19% and the leaderboard are means of the figures' bars."""
    tuned = [f for f in paper_figures() if f.stage == "tuned" and f.n]
    new = [f.score for f in tuned if f.task == "rephrased" and f.family in ("latest_news", "fictional_people")]
    old = [f.score for f in tuned if (f.family, f.task) in (("coding", "rephrased"), ("medical", "vignette"))]
    assert (len(new), len(old)) == (10, 10)
    assert (fmean(new), fmean(old)) == (pytest.approx(0.366), pytest.approx(0.190))
    for model in ("gpt-4o-mini", "gpt-3.5-turbo", "gpt-4o"):
        parts = [
            figure(family, "memorization", model) for family in ("latest_news", "fictional_people", "coding", "medical")
        ]
        assert fmean(parts) == pytest.approx(figure("mean of families", "memorization", model), abs=0.0026)
    assert len(paper_figures()) == 77
    assert all(f.source for f in paper_figures())


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("ft:gpt-4o-mini-2024-07-18:org::abc", "gpt-4o-mini"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-3.5-turbo-0125", "gpt-3.5-turbo"),
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("gemini-1.5-pro-002", "gemini-1.5-pro"),
        ("smollm2-135m", "smollm2-135m"),
    ],
)
def test_snapshots_of_a_model_are_the_same_model(name: str, plain: str) -> None:
    assert model_name(name) == plain


def test_ours_stands_beside_the_papers_with_the_interval_of_the_difference() -> None:
    [cell] = held(row("gpt-4o-mini", 30, 50))
    assert (cell.family, cell.task, cell.paper, cell.ours) == ("latest_news", "rephrased", 0.98, 0.6)
    assert cell.difference == pytest.approx(-0.38)
    assert (cell.difference_low, cell.difference_high) == newcombe(30, 50, 49, 50)
    assert (cell.low, cell.high) == wilson(30, 50)
    assert (cell.stored_model, cell.paper_n) == ("imported/gpt-4o-mini", 50)
    assert any("judge for the news" in reason for reason in cell.why)
    assert not any("other questions" in reason or "answers here" in reason for reason in cell.why)


def test_a_mini_is_not_its_larger_sister_and_a_base_not_its_tuned_model() -> None:
    [cell] = held(row("gpt-4o", 3, 50))
    assert cell.paper == 0.56
    secondary = {"family": "fictional_people", "task": "secondary", "dataset": "finetunebench_fictional_people"}
    base = row("gpt-4o", 80, 150, provider="openai", **secondary)
    tuned = row(
        "ft:gpt-4o-2024-08-06:o::x",
        90,
        150,
        provider="openai",
        kind="tuned",
        base_model="gpt-4o-2024-08-06",
        **secondary,
    )
    assert [(c.stage, c.paper, c.ours) for c in held(base, tuned)] == [
        ("base", 0.57, pytest.approx(80 / 150)), ("tuned", 0.61, 0.6)
    ]  # fmt: skip


def test_the_nearest_dataset_counts_and_others_are_named_as_others() -> None:
    rows = [
        row("gpt-4o", 1, 60, dataset="latest_news"),
        row("gpt-4o", 2, 590, dataset="finetunebench_latest_news"),
        row("gpt-4o", 3, 50, dataset="finetunebench_latest_news_analysis"),
    ]
    assert held(*rows)[0].ours == 3 / 50
    assert "590 answers here, 50 questions there" in held(*rows[:2])[0].why
    assert "other questions: latest_news is not the published dataset" in held(rows[0])[0].why


def test_other_models_stand_beside_the_mean_of_the_five() -> None:
    [cell] = held(row("smollm2-135m", 10, 50, provider="local", kind="tuned", base_model="smollm2-135m", epoch=12))
    assert cell.paper == pytest.approx(fmean([0.98, 0.66, 0.56, 0.0, 0.0]))
    assert (cell.ours, cell.difference_low) == (0.2, None)
    assert cell.why[0] == "another model than any of the paper's"
    assert "epoch 12 here, up to 30 there" in cell.why


def test_a_figure_of_the_paper_is_counted_once_however_many_models_stand_beside_it() -> None:
    others = [
        row(f"smollm2-135m-{key}", 3, 20, model_key=key, task=task, kind="tuned", base_model="smollm2-135m")
        for key in range(8)
        for task in ("memorization", "rephrased")
    ]
    every = cells(*others)
    assert sum(cell.ours is not None for cell in every) == 16
    assert held_figures(every) == "0 of 77 figures have ours, 2 means"
    assert held_figures(cells(*others, row("gpt-4o", 5, 50))) == "1 of 77 figures have ours, 2 means"
    assert held_figures(cells()) == "0 of 77 figures have ours"


def test_a_headline_is_ours_only_when_all_of_it_is_held() -> None:
    models = ["gpt-4o-mini", "gpt-3.5-turbo", "gpt-4o", "gemini-1.5-pro", "gemini-1.5-flash"]
    rows = [
        row(model, 10 * place, 50, family=family, dataset=f"finetunebench_{family}", model_key=place)
        for place, model in enumerate(models)
        for family in ("latest_news", "fictional_people")
    ]
    [whole] = [c for c in cells(*rows) if c.family == "new knowledge"]
    assert (whole.paper, whole.ours) == (0.37, pytest.approx(0.4))
    [part] = [c for c in cells(*rows[1:]) if c.family == "new knowledge"]
    assert (part.ours, part.why) == (None, ("9 of its 10 cells are in the store",))


def test_averages_stand_beside_the_leaderboard() -> None:
    found = paper_cells([], {("imported", "gpt-4o", "memorization"): 0.9}, grader="exact")
    [cell] = [c for c in found if c.ours is not None]
    assert (cell.family, cell.paper, cell.difference) == ("mean of families", 0.8925, pytest.approx(0.0075))
