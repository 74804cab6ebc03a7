"""What is launched in these tests, and where."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from aiohttp import web

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.base import Provider
from ftb_tui.providers.registry import open_provider
from ftb_tui.work.jobs import LaunchPlan, Pace
from tests.fakes.openai_server import Fault

CREATE, LIST, UPLOAD = "POST /fine_tuning/jobs", "GET /fine_tuning/jobs", "POST /files"
PLAN = LaunchPlan(dataset=load_bundled("fictional_people"), base_model="gpt-fake", n_epochs=2)
FAST = Pace(0.01, 0.01, 0.05)


async def opened(name: str) -> Provider:
    return open_provider(name)


class Held:
    """A service that does not answer until it may; then it does as always, or what it is to do `then`."""

    def __init__(self, then: Fault | None = None) -> None:
        self.asked, self.may, self._then = threading.Event(), threading.Event(), then

    async def __call__(self, request: web.Request) -> Any:
        self.asked.set()
        await asyncio.to_thread(self.may.wait, 30)
        return None if self._then is None else await self._then(request)
