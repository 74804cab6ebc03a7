"""What each service insists on when a job is created, as its own documentation says; used by the fake server."""

from __future__ import annotations

from typing import Any

BOM = b"\xef\xbb\xbf"
_COMMON = {"model", "training_file", "validation_file", "suffix", "seed", "metadata", "integrations", "method"}
_NEBIUS = {"n_epochs", "batch_size", "learning_rate_multiplier", "warmup_ratio", "weight_decay", "lora", "packing"}
_OPENAI = {"n_epochs", "batch_size", "learning_rate_multiplier", "beta"}


def prefix_of(service: str) -> str:
    """The path below which the service speaks the wire."""
    return "/openai/v1" if service == "azure" else "/v1"


def complaint(service: str, body: dict[str, Any], files: dict[str, bytes]) -> tuple[str, str] | None:
    """(parameter, message) of what is wrong with a creation, None if the service would take it."""
    allowed = _COMMON | {"azure": {"trainingType"}, "nebius": {"hyperparameters"}}.get(service, set())
    if unknown := sorted(set(body) - allowed):
        return unknown[0], f"Unknown parameter: '{unknown[0]}'."
    content = files.get(body.get("training_file", ""))
    if content is None:
        return "training_file", "invalid training_file: no such file"
    if service in ("openai", "azure") and len(content.removeprefix(BOM).splitlines()) < 10:
        return "training_file", "Training file has fewer than 10 examples, but must have at least 10."
    check = {"azure": _azure, "nebius": _nebius, "bedrock": _bedrock}.get(service, _openai)
    return check(body, content)


def _openai(body: dict[str, Any], content: bytes) -> tuple[str, str] | None:
    method = body.get("method") or {}
    kind = method.get("type")
    if kind not in ("supervised", "dpo", "reinforcement"):
        return "method", "method.type must be supervised, dpo or reinforcement"
    if set(method) != {"type", kind} or not set(method[kind].get("hyperparameters", {})) <= _OPENAI:
        return "method", f"method.{kind}.hyperparameters is not as described"
    if kind == "supervised" and "beta" in method[kind]["hyperparameters"]:
        return "method", "beta is for dpo"
    if len(body.get("suffix") or "x") > 64:
        return "suffix", "suffix is too long"
    return None


def _azure(body: dict[str, Any], content: bytes) -> tuple[str, str] | None:
    if not content.startswith(BOM):
        return "training_file", "The file must be UTF-8 with a byte order mark."
    if body.get("trainingType") not in ("Standard", "GlobalStandard", "globalStandard", "Developer"):
        return "trainingType", "trainingType is required"
    suffix = body.get("suffix") or "x"
    if len(suffix) > 18 or "." in suffix:
        return "suffix", "suffix may have 18 characters and no dots"
    return _openai(body, content)


def _nebius(body: dict[str, Any], content: bytes) -> tuple[str, str] | None:
    if "method" in body:
        return "method", "method is not supported"
    given = set(body.get("hyperparameters") or {})
    if not given <= _NEBIUS or "n_epochs" not in given:
        return "hyperparameters", "hyperparameters.n_epochs is needed"
    return None


def _bedrock(body: dict[str, Any], content: bytes) -> tuple[str, str] | None:
    if "suffix" in body:
        return "suffix", "suffix is not supported"
    if (body.get("method") or {}).get("type") != "reinforcement":
        return "method", "only reinforcement is supported"
    return None


def file_part(body: bytes) -> bytes:
    """The content of the file in a multipart body: the part with a `filename`, or `data` of an upload."""
    boundary = body.split(b"\r\n", 1)[0]
    for part in body.split(boundary):
        head, _, content = part.partition(b"\r\n\r\n")
        if b"filename=" in head or b'name="data"' in head:
            return content.removesuffix(b"\r\n")
    return b""
