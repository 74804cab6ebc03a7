"""The OpenAI wire's bodies: errors, files, jobs, events, checkpoints, models, chat completions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ftb_tui.engine.interface import Generation
from ftb_tui.engine.records import CheckpointRecord, EventRecord, FileRecord, JobRecord
from ftb_tui.engine.tokenizer import Tokenizer


class ApiError(Exception):
    """An answer that is an error in the wire's own form."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def missing(param: str) -> ApiError:
    """400 for a parameter that must be given."""
    return ApiError(400, f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def unknown(param: str) -> ApiError:
    """400 for a parameter that means nothing here; it might have changed what was asked for."""
    return ApiError(400, f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")


def not_found(what: str, name: str, param: str | None = None) -> ApiError:
    """404 for a file, job or model that does not exist."""
    code = "model_not_found" if what == "model" else None
    return ApiError(404, f"No such {what}: {name}", param=param, code=code)


def file_body(record: FileRecord) -> dict[str, Any]:
    """A file object."""
    return {
        "object": "file",
        "id": record.id,
        "purpose": record.purpose,
        "filename": record.filename,
        "bytes": record.bytes,
        "created_at": int(record.created_at),
        "expires_at": None,
        "status": "processed",
        "status_details": None,
    }


def job_body(record: JobRecord, estimated_finish: float | None) -> dict[str, Any]:
    """A fine-tuning job object."""
    hyperparameters = record.hyperparameters
    return {
        "object": "fine_tuning.job",
        "id": record.id,
        "model": record.model,
        "created_at": int(record.created_at),
        "finished_at": None if record.finished_at is None else int(record.finished_at),
        "fine_tuned_model": record.fine_tuned_model,
        "organization_id": "org-ftb",
        "result_files": [],
        "status": record.status,
        "validation_file": record.validation_file,
        "training_file": record.training_file,
        "hyperparameters": hyperparameters,
        "trained_tokens": record.trained_tokens,
        "error": record.error,
        "user_provided_suffix": record.suffix,
        "seed": record.seed,
        "estimated_finish": None if estimated_finish is None else int(estimated_finish),
        "integrations": [],
        "metadata": record.metadata,
        "usage_metrics": None,
        "shared_with_openai": False,
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
    }


def event_body(record: EventRecord) -> dict[str, Any]:
    """A job event."""
    return {
        "object": "fine_tuning.job.event",
        "id": record.id,
        "created_at": int(record.created_at),
        "level": record.level,
        "message": record.message,
        "data": record.data,
        "type": record.type,
    }


def checkpoint_body(record: CheckpointRecord) -> dict[str, Any]:
    """A checkpoint."""
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": record.id,
        "created_at": int(record.created_at),
        "fine_tuned_model_checkpoint": record.model,
        "fine_tuning_job_id": record.job_id,
        "metrics": record.metrics,
        "step_number": record.step,
    }


def model_body(name: str, created_at: float, owner: str = "ftb-engine") -> dict[str, Any]:
    """A model in the list."""
    return {"id": name, "object": "model", "created": int(created_at), "owned_by": owner, "shutdown_date": None}


def list_body(items: Sequence[Mapping[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """One page of a list."""
    return {
        "object": "list",
        "data": list(items),
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": has_more,
    }


def chat_body(
    request_id: str, model: str, text: str, generation: Generation, prompt_tokens: int, tokenizer: Tokenizer
) -> dict[str, Any]:
    """A chat completion with one choice."""
    return {
        "id": request_id,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": None,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
                "logprobs": _logprobs(generation, tokenizer),
                "finish_reason": generation.finish_reason,
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": generation.completion_tokens,
            "total_tokens": prompt_tokens + generation.completion_tokens,
        },
    }


def single_tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[int, ...]:
    """The ids of those texts that are one token each; others have no probability of their own."""
    encoded = [tokenizer.encode(text) for text in texts]
    return tuple(ids[0] for ids in encoded if len(ids) == 1)


def _logprobs(generation: Generation, tokenizer: Tokenizer) -> dict[str, Any] | None:
    if generation.logprobs is None:
        return None

    def entry(token_id: int, logprob: float) -> dict[str, Any]:
        raw = tokenizer.token_bytes(token_id)
        return {"token": tokenizer.token_text(token_id), "logprob": logprob, "bytes": list(raw)}

    content = [
        {**entry(token.token_id, token.logprob), "top_logprobs": [entry(*rival) for rival in token.top]}
        for token in generation.logprobs
    ]
    return {"content": content, "refusal": None}
