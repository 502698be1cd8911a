# SPDX-License-Identifier: GPL-2.0-or-later
"""How long tests wait before they fail as hanging: longer on a machine that is currently slow."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
MOST = 10


def slowness() -> float:
    """How many times slower than a quiet machine this one is: as measured by `npm test`, else estimated from the load average."""
    measured = os.environ.get("P2P_RENDER_TEST_SLOWNESS")
    return float(measured) if measured else min(MOST, 1 + os.getloadavg()[0] / (os.cpu_count() or 1))


SLOWNESS = slowness()


def time_limit(seconds: float) -> float:
    """A limit only for tests that hang: it never decides whether code is correct."""
    return seconds * SLOWNESS


def until(look: Callable[[], Found | None], complaint: Callable[[], object], seconds: float = 60) -> Found:
    """The value of `look` once it is true; fails with the complaint at the time limit."""
    deadline = time.monotonic() + time_limit(seconds)
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.02)


def rest(seconds: float) -> None:
    """Waits for something that cannot be observed, such as the drawing of a window."""
    time.sleep(time_limit(seconds))
