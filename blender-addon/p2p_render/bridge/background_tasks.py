# SPDX-License-Identifier: GPL-2.0-or-later
"""Work that may block, on threads of its own; its outcome is delivered on the main thread, by `update`."""

import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .blocking_client import Interrupted, OperationFailed
from .bridge_process import BridgeFailed, BridgeMissing
from .websocket_thread import ConnectionEnded, Received

T = TypeVar("T")
# The task, who gets the value (None: it is a status text), and the value.
Outcome = tuple["BackgroundTask", Callable[[Any], object] | None, Any]


class BackgroundTasks:
    """`start` and `update` are for the main thread."""

    def __init__(self) -> None:
        # Gets the status texts of tasks.
        self.on_status: Callable[[str], None] = lambda text: None
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._running: set[BackgroundTask] = set()

    @property
    def is_busy(self) -> bool:
        """A task is running, or its outcome was not delivered yet."""
        return bool(self._running)

    def start(self, work: "Callable[[BackgroundTask], T]", done: Callable[[T], object], failed: Callable[[str], object]) -> None:
        """`work` gets the task, which is the owner of its client; `done` gets the result, `failed` a message for the user."""
        task = BackgroundTask(self._outcomes)
        self._running.add(task)
        threading.Thread(target=task.run, args=(work, done, failed), name="p2p-render-task", daemon=True).start()

    def update(self) -> None:
        """Delivers the outcomes."""
        while not self._outcomes.empty():
            task, deliver, value = self._outcomes.get_nowait()
            if task.is_cancelled and task not in self._running:
                continue
            if deliver is None:
                self.on_status(value)
                continue
            self._running.discard(task)
            deliver(value)

    def close(self) -> None:
        """Cancels all tasks and does not wait for them."""
        for task in self._running:
            task.is_cancelled = True
        self._running.clear()


class BackgroundTask:
    """The owner of the client that the task uses."""

    def __init__(self, outcomes: "queue.SimpleQueue[Outcome]") -> None:
        self.is_cancelled = False
        self._outcomes = outcomes

    def is_stopped(self) -> bool:
        return self.is_cancelled

    def status(self, text: str) -> None:
        self._outcomes.put((self, None, text))

    def received(self, message: Received) -> None:
        if isinstance(message, ConnectionEnded):
            raise OperationFailed(message.message)

    def run(self, work: "Callable[[BackgroundTask], T]", done: Callable[[T], object], failed: Callable[[str], object]) -> None:
        """On its thread."""
        try:
            self._outcomes.put((self, done, work(self)))
        except Interrupted:
            pass  # it was cancelled: nobody waits for the outcome
        except (OperationFailed, BridgeMissing, BridgeFailed, OSError) as error:
            self._outcomes.put((self, failed, str(error)))


background_tasks = BackgroundTasks()
