"""What the SDK and its transport raise, as one kind of error with the service's own words."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ftb_tui.providers.base import ErrorKind, ProviderError

# 429s that no waiting cures.
_QUOTA_CODES = frozenset({"insufficient_quota", "daily_rate_limit_exceeded", "billing_hard_limit_reached"})
# The embedded engine's words for weights or an adapter that it cannot read: a person must mend that.
_UNREADABLE = frozenset({"no_weights", "bad_adapter"})
_LONGEST = 2_000


@contextmanager
def provider_errors(host: str, *secrets: str) -> Iterator[None]:
    """Turn every failure of a call into a `ProviderError` that names the host and holds none of the secrets."""
    import aiohttp
    import httpx2
    import openai

    try:
        yield
    except ProviderError as error:
        error.message = cleaned(error.message, *secrets)
        error.args = (error.message,)
        raise
    except openai.APIStatusError as error:
        raise _status_error(error, host, secrets) from None
    except (openai.APITimeoutError, httpx2.TimeoutException, TimeoutError) as error:
        if isinstance(error.__cause__ or error, httpx2.ConnectTimeout):
            # The aiohttp transport calls a refused connection so, too.
            raise ProviderError(ErrorKind.UNREACHABLE, f"{host} cannot be reached: no connection", host=host) from None
        raise ProviderError(ErrorKind.TIMEOUT, f"{host} did not answer in time", host=host) from error
    except (openai.APIConnectionError, httpx2.TransportError, aiohttp.ClientError, ConnectionError) as error:
        cause = error.__cause__ or error
        text = cleaned(str(cause) or type(cause).__name__, *secrets)
        raise ProviderError(ErrorKind.UNREACHABLE, f"{host} cannot be reached: {text}", host=host) from None
    except UnicodeEncodeError as error:
        text = f"{host} cannot be sent this: it holds a character that cannot be sent ({error.reason})"
        raise ProviderError(ErrorKind.INVALID_REQUEST, text, host=host) from None
    except (ValueError, AttributeError, openai.APIError) as error:
        # The SDK lets a list where an object belongs, and broken JSON with status 200, fail in its own code.
        text = cleaned(f"{host} sent something that is not the OpenAI wire ({type(error).__name__}: {error})", *secrets)
        raise ProviderError(ErrorKind.BAD_RESPONSE, text, host=host) from None


def _status_error(error: object, host: str, secrets: tuple[str, ...]) -> ProviderError:
    import openai

    assert isinstance(error, openai.APIStatusError)
    status = error.status_code
    code = str(error.code) if error.code else None
    kind = failure_kind(status)
    if code in _QUOTA_CODES or error.type in _QUOTA_CODES:
        kind = ErrorKind.QUOTA
    if code in _UNREADABLE:
        kind = ErrorKind.NOT_FOUND
    return ProviderError(
        kind,
        cleaned(error_text(error.body, str(error.message), status), *secrets),
        host=host,
        status=status,
        code=code,
        param=str(error.param) if error.param else None,
        retry_after=retry_after(error.response.headers),
    )


def failure_kind(status: int) -> ErrorKind:
    """What an HTTP status means, before the service's own code is looked at."""
    kinds = {
        400: ErrorKind.INVALID_REQUEST, 401: ErrorKind.AUTH, 403: ErrorKind.AUTH, 404: ErrorKind.NOT_FOUND,
        408: ErrorKind.TIMEOUT, 409: ErrorKind.SERVER, 413: ErrorKind.INVALID_REQUEST, 422: ErrorKind.INVALID_REQUEST,
        429: ErrorKind.RATE_LIMITED,
    }  # fmt: skip
    return kinds.get(status, ErrorKind.SERVER if status >= 500 else ErrorKind.INVALID_REQUEST)


def error_text(body: object, message: str, status: int) -> str:
    """The service's own words in whichever form it gave them."""
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, dict):
        inner = body.get("error", body)
        if isinstance(inner, dict) and isinstance(inner.get("message"), str):
            return str(inner["message"])
        if isinstance(inner, str):
            return inner
        if "detail" in body:
            return json.dumps(body["detail"]) if not isinstance(body["detail"], str) else body["detail"]
    if isinstance(body, str) and body.strip():
        return f"status {status}: {body.strip()}"
    return message or f"status {status}"


def retry_after(headers: object) -> float | None:
    """Seconds to wait from `retry-after-ms` or `retry-after` (seconds or an HTTP date); None if there is neither."""
    get = getattr(headers, "get", lambda name: None)
    milliseconds, plain = get("retry-after-ms"), get("retry-after")
    for text, unit in ((milliseconds, 1000.0), (plain, 1.0)):
        if text:
            try:
                return max(0.0, float(text) / unit)
            except ValueError:
                continue
    date = email.utils.parsedate_tz(plain) if plain else None
    return max(0.0, email.utils.mktime_tz(date) - time.time()) if date else None


def cleaned(text: str, *secrets: str) -> str:
    """A service's words without the secrets, as they are or as code or JSON writes them, and not endless."""
    for secret in filter(None, secrets):
        for written in dict.fromkeys((secret, repr(secret)[1:-1], ascii(secret)[1:-1], json.dumps(secret)[1:-1])):
            text = text.replace(written, f"…{secret[-4:]}" if len(secret) > 12 else "…")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
