# SPDX-License-Identifier: GPL-2.0-or-later
"""What the panel (main thread) and the engine (render thread) hand each other: the request, the run, calls for the main thread."""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from ..bridge.render_request import RenderRequest
from .swarm_run import SwarmRun

T = TypeVar("T")
POLL_SECONDS = 0.05


class RenderHandoff:
    """One instance: a Blender renders one thing at a time."""

    def __init__(self) -> None:
        # For the next render; the engine takes it.
        self.request: RenderRequest | None = None
        # The current run, or the last one; set by the render thread.
        self.run: SwarmRun | None = None
        self.is_rendering = False
        # Set by the panel's Stop button; the engine then stops as with ESC.
        self.stop_requested = False
        # The render was stopped, by the button or in Blender.
        self.is_interrupted = False
        # The run whose picture Blender has just loaded; the main thread shows a notice.
        self.finished: SwarmRun | None = None
        # The job of the last picture that Blender has loaded: its end needs no notice.
        self.delivered: str | None = None
        # The job of a render that was stopped; the main thread cancels it.
        self.job_to_cancel: str | None = None
        # The error of the last render, for the panel.
        self.failure: str | None = None
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def path_of(self, scene: str, frame: int) -> str | None:
        """The path of a frame's raw pixels, if they are complete."""
        return self.run.known_path(scene, frame) if self.run else None

    def on_main_thread(self, work: Callable[[], T], is_stopped: Callable[[], bool]) -> T | None:
        """Has the main thread do `work` and waits for its result; None when stopped meanwhile. Raises what `work` raises."""
        done = threading.Event()
        results: list[T] = []
        errors: list[Exception] = []

        def call() -> None:
            try:
                results.append(work())
            except Exception as error:  # noqa: BLE001 - the waiting thread raises it
                errors.append(error)
            done.set()

        self._calls.put(call)
        while not done.wait(POLL_SECONDS):
            if is_stopped():
                return None
        if errors:
            raise errors[0]
        return results[0]

    def run_calls(self) -> None:
        """For the main thread: does what other threads wait for."""
        while not self._calls.empty():
            self._calls.get_nowait()()


render_handoff = RenderHandoff()
