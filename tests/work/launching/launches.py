"""What is launched in these tests, and where."""

from __future__ import annotations

from ftb_tui.benchmark.load import load_bundled
from ftb_tui.providers.base import Provider
from ftb_tui.providers.registry import open_provider
from ftb_tui.work.jobs import LaunchPlan, Pace

CREATE, LIST = "POST /fine_tuning/jobs", "GET /fine_tuning/jobs"
PLAN = LaunchPlan(dataset=load_bundled("fictional_people"), base_model="gpt-fake", n_epochs=2)
FAST = Pace(0.01, 0.01, 0.05)


async def opened(name: str) -> Provider:
    return open_provider(name)
