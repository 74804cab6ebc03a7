"""What google-genai, google-auth and their transports raise, as one kind of error with Google's own words.

Transport errors are not wrapped by the SDK: they come as httpx2's (control path) or aiohttp's (answering path).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ftb_tui.providers.base import ErrorKind, ProviderError
from ftb_tui.providers.failures import cleaned, retry_after
from ftb_tui.providers.google_settings import LOGIN

_KINDS = {
    400: ErrorKind.INVALID_REQUEST, 401: ErrorKind.AUTH, 403: ErrorKind.AUTH, 404: ErrorKind.NOT_FOUND,
    408: ErrorKind.TIMEOUT, 409: ErrorKind.SERVER, 412: ErrorKind.INVALID_REQUEST, 413: ErrorKind.INVALID_REQUEST,
    422: ErrorKind.INVALID_REQUEST, 429: ErrorKind.RATE_LIMITED, 499: ErrorKind.SERVER, 504: ErrorKind.TIMEOUT,
}  # fmt: skip


@contextmanager
def google_errors(host: str, secrets: Callable[[], tuple[str, ...]]) -> Iterator[None]:
    """Turn every failure of a call into a `ProviderError` that names the host and holds none of the secrets."""
    import aiohttp
    import google.auth.exceptions as auth
    import httpx2
    from google.genai import errors

    try:
        yield
    except ProviderError as error:
        error.message = cleaned(error.message, *secrets())
        error.args = (error.message,)
        raise
    except errors.APIError as error:
        headers = getattr(error.response, "headers", None)
        raise status_error(int(error.code or 0), error.details, headers, host, secrets()) from None
    except (httpx2.TimeoutException, TimeoutError) as error:
        if isinstance(error, httpx2.ConnectTimeout):
            raise ProviderError(ErrorKind.UNREACHABLE, f"{host} cannot be reached: no connection", host=host) from None
        raise ProviderError(ErrorKind.TIMEOUT, f"{host} did not answer in time", host=host) from None
    except (httpx2.TransportError, aiohttp.ClientError, ConnectionError, auth.TransportError) as error:
        text = cleaned(str(error) or type(error).__name__, *secrets())
        raise ProviderError(ErrorKind.UNREACHABLE, f"{host} cannot be reached: {text}", host=host) from None
    except auth.GoogleAuthError as error:
        text = cleaned(f"Google credentials cannot be used ({error}): {LOGIN}", *secrets())
        raise ProviderError(ErrorKind.AUTH, text, host=host) from None
    except UnicodeEncodeError as error:
        text = f"{host} cannot be sent this: it holds a character that cannot be sent ({error.reason})"
        raise ProviderError(ErrorKind.INVALID_REQUEST, text, host=host) from None
    except (ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
        # Broken JSON, a page of HTML or a list where an object belongs fail in the SDK's own code.
        text = f"{host} sent something that is not Google's wire ({type(error).__name__}: {error})"
        raise ProviderError(ErrorKind.BAD_RESPONSE, cleaned(text, *secrets()), host=host) from None


def status_error(status: int, body: object, headers: object, host: str, secrets: tuple[str, ...]) -> ProviderError:
    """The error that an HTTP status and body mean. Bodies may be wrapped in a list, be HTML, or be empty."""
    inner = _inner(body)
    message = inner.get("message")
    code = inner.get("status")
    text = message.strip() if isinstance(message, str) and message.strip() else f"status {status}"
    if text.startswith("<"):
        text = f"status {status}: {text}"
    details = [entry for entry in inner.get("details") or () if isinstance(entry, dict)]
    kind = _KINDS.get(status, ErrorKind.SERVER if status >= 500 else ErrorKind.INVALID_REQUEST)
    if kind is ErrorKind.RATE_LIMITED and _is_spent(details):
        kind = ErrorKind.QUOTA
    if kind is ErrorKind.INVALID_REQUEST and any(entry.get("reason") == "API_KEY_INVALID" for entry in details):
        kind = ErrorKind.AUTH
    wait = _retry_delay(details)
    return ProviderError(
        kind,
        cleaned(text, *secrets),
        host=host,
        status=status,
        code=code if isinstance(code, str) else None,
        retry_after=retry_after(headers) if wait is None else wait,
    )


def _inner(body: object) -> Mapping[str, Any]:
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, dict):
        inner = body.get("error", body)
        if isinstance(inner, dict):
            return inner
        return {"message": str(inner)}
    return {"message": body} if isinstance(body, str) else {}


def _is_spent(details: list[dict[str, Any]]) -> bool:
    """Whether a 429 is about a day's quota, or one of zero: what no waiting cures."""
    violations = [
        violation
        for entry in details
        if str(entry.get("@type", "")).endswith("QuotaFailure")
        for violation in entry.get("violations") or ()
        if isinstance(violation, dict)
    ]
    return any("PerDay" in str(v.get("quotaId", "")) or str(v.get("quotaValue", "")) == "0" for v in violations)


def _retry_delay(details: list[dict[str, Any]]) -> float | None:
    """Seconds from google.rpc.RetryInfo, a duration such as `7.5s`."""
    for entry in details:
        if str(entry.get("@type", "")).endswith("RetryInfo"):
            try:
                return max(0.0, float(str(entry.get("retryDelay", "")).removesuffix("s")))
            except ValueError:
                return None
    return None
