"""What is to be trained on what, by which method, and the files that follow from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ftb_tui.benchmark.load import DatasetError
from ftb_tui.benchmark.model import Dataset, TrainingExample
from ftb_tui.benchmark.training import LINE_FORMATS, PREFERENCE, Recipe, training_split
from ftb_tui.providers.base import ErrorKind, Provider, ProviderError

SUPERVISED, DPO = "supervised", "dpo"
Lines = list[tuple[str, str]]
"""(fact id, line) pairs."""


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """What to train on what. `fact_ids` None teaches every fact."""

    dataset: Dataset
    base_model: str
    n_epochs: int | None = None
    batch_size: int | None = None
    learning_rate_multiplier: float | None = None
    seed: int | None = 42
    suffix: str | None = None
    beta: float | None = None
    """For preferences: how strongly the tuned model is held to the base, above 0 and up to 2; None is the service's."""
    fact_ids: Collection[str] | None = None
    recipe: Recipe = field(default_factory=Recipe)
    wrong_answers: Mapping[str, str] = field(default_factory=dict)
    """For preferences: what the base has answered wrongly, by question id."""
    wordings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """For reviewed paraphrases: the wordings that a person kept, by question id."""

    @property
    def method(self) -> str:
        """`supervised`, or `dpo` for a recipe of preferences; the recipe alone decides."""
        return DPO if self.recipe.name == PREFERENCE else SUPERVISED


def require(provider: Provider, plan: LaunchPlan) -> None:
    """Raise `ProviderError` where the service does not train, not by this method, or not with these files."""
    able = provider.capabilities
    reason = ""
    if not able.trains:
        reason = able.why_no_training or f"{provider.name} answers; it does not train."
    elif plan.method not in able.methods:
        reason = f"{provider.name} trains by {' and '.join(able.methods)}, not {plan.method}."
    elif plan.recipe.validation and not able.validation_file:
        reason = f"{provider.name} takes no validation file; leave the validation share out."
    if reason:
        raise ProviderError(ErrorKind.INVALID_REQUEST, reason, host=provider.host)


def training_parts(plan: LaunchPlan, training_format: str = "messages") -> tuple[Lines, Lines]:
    """The training file and the validation file, before anything is stored or sent. Raises `DatasetError`."""
    if plan.beta is not None and plan.method != DPO:
        raise DatasetError("beta is for preferences; give --method dpo, or leave --beta out.")
    split = training_split(
        plan.dataset, plan.recipe, fact_ids=plan.fact_ids, wrong=plan.wrong_answers, wordings=plan.wordings
    )
    return _lines(split.training, plan.recipe, training_format), _lines(split.validation, plan.recipe, training_format)


def training_lines(plan: LaunchPlan, training_format: str = "messages") -> Lines:
    """The training file alone."""
    return training_parts(plan, training_format)[0]


def _lines(examples: Collection[TrainingExample], recipe: Recipe, training_format: str) -> Lines:
    line = LINE_FORMATS[training_format]
    return [(example.fact_id, line(example, recipe)) for example in examples]
