# SPDX-License-Identifier: GPL-2.0-or-later
"""Work on other threads."""

import threading
import time

from p2p_render.bridge.background_tasks import BackgroundTasks
from p2p_render.bridge.blocking_client import OperationFailed


def test_a_task_runs_on_another_thread_and_delivers_its_outcome_on_the_main_thread():
    background_tasks, told, threads = BackgroundTasks(), [], []
    background_tasks.on_status = lambda text: told.append(text)

    def work(task):
        threads.append(threading.current_thread())
        task.status("under way")
        return 7

    def fails(_errand):
        raise OperationFailed("it went wrong")

    background_tasks.start(work, lambda value: told.append((value, threading.current_thread())), told.append)
    deadline = time.monotonic() + 10
    while background_tasks.is_busy and time.monotonic() < deadline:
        background_tasks.update()
    assert told == ["under way", (7, threading.main_thread())]
    assert threads[0] is not threading.main_thread()
    background_tasks.start(fails, told.append, lambda message: told.append(message.upper()))
    while background_tasks.is_busy and time.monotonic() < deadline:
        background_tasks.update()
    assert told[-1] == "IT WENT WRONG"


def test_a_cancelled_task_delivers_nothing():
    background_tasks, told, going = BackgroundTasks(), [], threading.Event()
    background_tasks.start(lambda _: going.wait(10), told.append, told.append)
    background_tasks.close()
    going.set()
    time.sleep(0.2)
    background_tasks.update()
    assert told == []
    assert not background_tasks.is_busy
