"""What becomes of a job whose files cannot be checked or that cannot be trained: the same wherever it happens."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Callable

from ftb_tui.engine.interface import EngineError
from ftb_tui.engine.loading import WeightsMissingError
from ftb_tui.engine.records import Records

log = logging.getLogger("ftb.engine")

_WAIT_FOR_WEIGHTS = 5.0


def attempt(
    records: Records, job_id: str, work: Callable[[], None], *, failed_as: str, changed: threading.Event
) -> None:
    """Do some work for a job; the job fails with what is wrong about it, under the code `failed_as`.

    Without weights it stays in its queue, says so once for each reason, and they are waited for a little or until
    something has `changed`. Raises
    `OSError` and `sqlite3.Error`, which are the disk's fault and not the job's.
    """
    try:
        work()
    except WeightsMissingError as error:
        records.change_status(job_id, "queued", allowed=("running",))
        reason = hashlib.sha256(str(error).encode("utf-8", "replace")).hexdigest()[:12]
        records.add_event(job_id, f"weights-{reason}", str(error), level="warn")
        changed.wait(_WAIT_FOR_WEIGHTS)
    except EngineError as error:
        records.fail_job(job_id, str(error), code=failed_as)
    except (OSError, sqlite3.Error):
        raise
    except Exception:
        log.exception("job %s failed (%s)", job_id, failed_as)
        records.fail_job(job_id, "The engine failed unexpectedly; its log says more.", code="server_error")
