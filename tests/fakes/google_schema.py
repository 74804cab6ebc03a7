"""Google's published description of its services as the judge of requests and of what the fake answers."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import Any

PLATFORM = "aiplatform.v1beta1"
STORAGE = "storage.v1"
_PREFIX = "GoogleCloudAiplatformV1beta1"


@cache
def _schemas(document: str) -> dict[str, Any]:
    folder = resources.files("googleapiclient") / "discovery_cache" / "documents"
    return json.loads((folder / f"{document}.json").read_text(encoding="utf-8"))["schemas"]  # type: ignore[no-any-return]


def problems(value: Any, schema: str, *, is_request: bool, document: str = PLATFORM) -> list[str]:
    """Everything in which the value is not what the schema describes: unknown fields, wrong types, wrong words.

    A request may hold nothing that only the service sets.
    """
    name = schema if document != PLATFORM else f"{_PREFIX}{schema}"
    return list(_walk(value, {"$ref": name}, _schemas(document), schema, is_request))


def camel_case(value: Any, schema: str) -> Any:
    """A request with the names that the description uses. Google's parser takes `snake_case` too, and the SDK sends both."""
    return _camel(value, {"$ref": f"{_PREFIX}{schema}"}, _schemas(PLATFORM))


def _camel(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    while "$ref" in schema:
        schema = schemas[schema["$ref"]]
    if isinstance(value, dict) and "properties" in schema:
        named = {re.sub("_([a-z])", lambda found: found[1].upper(), name): part for name, part in value.items()}
        known = schema["properties"]
        return {name: _camel(part, known.get(name, {}), schemas) for name, part in named.items()}
    if isinstance(value, list):
        return [_camel(part, schema.get("items", {}), schemas) for part in value]
    return value


def _walk(value: Any, schema: dict[str, Any], schemas: dict[str, Any], at: str, is_request: bool) -> Any:
    while "$ref" in schema:
        schema = schemas[schema["$ref"]]
    kind = schema.get("type")
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is not one of {', '.join(schema['enum'])}"
    elif kind == "object":
        if not isinstance(value, dict):
            yield f"{at}: {value!r} is no object"
            return
        known = schema.get("properties", {})
        for name, part in value.items():
            inner = known.get(name) or schema.get("additionalProperties")
            if inner is None:
                yield f"{at}.{name} is unknown"
            elif is_request and inner.get("readOnly"):
                yield f"{at}.{name} is set by the service only"
            else:
                yield from _walk(part, inner, schemas, f"{at}.{name}", is_request)
    elif kind == "array":
        if not isinstance(value, list):
            yield f"{at}: {value!r} is no array"
            return
        for place, part in enumerate(value):
            yield from _walk(part, schema["items"], schemas, f"{at}[{place}]", is_request)
    elif not _fits(value, kind, schema.get("format")):
        yield f"{at}: {value!r} is no {schema.get('format') or kind}"


def _fits(value: Any, kind: str | None, form: str | None) -> bool:
    if kind == "string" and form in ("int64", "uint64"):
        # Sent as text; numbers are taken as well.
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole or (isinstance(value, str) and value.lstrip("-").isdigit())
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return True
