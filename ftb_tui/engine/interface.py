"""What the engine's server and its mathematics say to each other. No numpy here, so it is cheap to import."""

from __future__ import annotations

from dataclasses import dataclass

LEARNING_RATE = 2e-3
"""The rate that a learning rate multiplier of 1 means (LoRA's weights take far larger steps than full ones)."""

DEFAULT_EPOCHS = 12


class EngineError(Exception):
    """Something the engine cannot do, as one sentence fit for a person."""


class ModelFileError(EngineError):
    """The weights' file is missing, damaged, or of an architecture that the engine does not run."""


class AdapterError(EngineError):
    """An adapter's or a resume state's file is missing, damaged, or belongs to another model."""


class OtherWeightsError(AdapterError):
    """An adapter or a resume state is whole, and was made on other weights than those at hand."""


class RequestError(EngineError):
    """A request that cannot be answered as it stands, for example a prompt beyond the context length."""


class GenerationCancelled(EngineError):  # noqa: N818 - an outcome that was asked for, not an error
    """`cancelled()` said so; nothing of the batch was kept."""


class TrainingStopped(EngineError):  # noqa: N818 - an outcome that was asked for, not an error
    """`should_stop()` said so. `resume_state` continues from exactly the last finished step."""

    def __init__(self, step: int, resume_state: bytes) -> None:
        super().__init__(f"Training was stopped after step {step}.")
        self.step = step
        self.resume_state = resume_state


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """The natural-log probability of one generated token and of its most likely rivals, best first."""

    token_id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One prompt to continue. `temperature` 0 takes the likeliest token; `top_logprobs` None asks for none.

    `top_p` leaves the unlikeliest tokens out of the drawing, as long as the others have that much probability.
    """

    prompt_ids: tuple[int, ...]
    max_tokens: int = 16
    temperature: float = 0.0
    seed: int = 0
    top_logprobs: int | None = None
    watched: tuple[int, ...] = ()
    """Tokens whose probabilities are given as well, behind the most likely ones."""
    stop_at_newline: bool = True
    """End at the first newline after something that is not blank; what follows is rambling to a short question."""
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    """End before the first of these."""


@dataclass(frozen=True, slots=True)
class Generation:
    """The answer to one request. The token that ended it is counted in `completion_tokens`, not in `token_ids`.

    The last token may hold the beginning of a `stop`: of the tokens' text `kept` bytes are the answer, where given.
    """

    token_ids: tuple[int, ...]
    finish_reason: str
    """`stop` (end marker or newline) or `length` (the cap was reached)."""
    completion_tokens: int
    """Tokens that were computed, the end marker included; what `usage` reports."""
    logprobs: tuple[TokenLogprob, ...] | None = None
    kept: int | None = None


@dataclass(frozen=True, slots=True)
class TrainingItem:
    """One example as token ids: the chat up to the assistant's turn, and the answer with its end marker."""

    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Everything that decides what a training gives, besides the data and the base weights."""

    n_epochs: int
    batch_size: int
    learning_rate: float = LEARNING_RATE
    rank: int = 16
    alpha: float = 32.0
    layers: int = 8
    """How many of the topmost layers carry an adapter; cut to what the model has."""
    seed: int = 42


def auto_hyperparameters(
    examples: int,
    *,
    n_epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate_multiplier: float | None = None,
    seed: int | None = None,
) -> Hyperparameters:
    """Fill in what a job left to `auto` (None), from the number of training examples.

    The batch shrinks with the training file so that a small one still gets enough steps to be learned.
    """
    return Hyperparameters(
        n_epochs=DEFAULT_EPOCHS if n_epochs is None else n_epochs,
        batch_size=min(15, max(1, round(examples / 10))) if batch_size is None else batch_size,
        learning_rate=LEARNING_RATE * (1.0 if learning_rate_multiplier is None else learning_rate_multiplier),
        seed=42 if seed is None else seed,
    )


@dataclass(frozen=True, slots=True)
class StepReport:
    """One optimizer step. Losses are nats per answer token; validation comes with an epoch's last step."""

    step: int
    total_steps: int
    epoch: int
    train_loss: float
    train_mean_token_accuracy: float
    trained_tokens: int
    """Tokens of prompts and answers gone through so far, all epochs together."""
    valid_loss: float | None = None
    valid_mean_token_accuracy: float | None = None
