"""What becomes of a job whose files cannot be checked or that cannot be trained: the same wherever it happens."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
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

    Without weights it stays in its queue, and they are waited for a little or until something has `changed`. Raises
    `OSError` and `sqlite3.Error`, which are the disk's fault and not the job's.
    """
    try:
        work()
    except WeightsMissingError as error:
        records.change_status(job_id, "queued", allowed=("running",))
        records.add_event(job_id, f"weights-{int(time.time())}", str(error), level="warn")
        changed.wait(_WAIT_FOR_WEIGHTS)
    except EngineError as error:
        records.fail_job(job_id, str(error), code=failed_as)
    except (OSError, sqlite3.Error):
        raise
    except Exception:
        log.exception("job %s failed (%s)", job_id, failed_as)
        records.fail_job(job_id, "The engine failed unexpectedly; its log says more.", code="server_error")
