# SPDX-License-Identifier: GPL-2.0-or-later
"""Tasks on other threads."""

import threading
import time
from typing import NoReturn

from time_limit import time_limit, until

from p2p_render.bridge.background_tasks import BackgroundTask, BackgroundTasks
from p2p_render.bridge.blocking_client import OperationFailed


def turn_to_the_end(background_tasks: BackgroundTasks) -> None:
    """As the timer does it."""

    def look() -> bool:
        background_tasks.update()
        return not background_tasks.is_busy

    until(look, lambda: "the task does not end")


def test_a_task_runs_on_another_thread_and_delivers_its_outcome_on_the_main_thread() -> None:
    background_tasks = BackgroundTasks()
    delivered: list[object] = []
    threads: list[threading.Thread] = []
    background_tasks.on_status = lambda text: delivered.append(text)

    def work(task: BackgroundTask) -> int:
        threads.append(threading.current_thread())
        task.status("under way")
        return 7

    def fails(_task: object) -> NoReturn:
        raise OperationFailed("it went wrong")

    background_tasks.start(work, lambda value: delivered.append((value, threading.current_thread())), delivered.append)
    turn_to_the_end(background_tasks)
    assert delivered == ["under way", (7, threading.main_thread())]
    assert threads[0] is not threading.main_thread()
    background_tasks.start(fails, delivered.append, lambda message: delivered.append(message.upper()))
    turn_to_the_end(background_tasks)
    assert delivered[-1] == "IT WENT WRONG"


def test_a_cancelled_task_delivers_nothing() -> None:
    background_tasks, going = BackgroundTasks(), threading.Event()
    delivered: list[object] = []
    background_tasks.start(lambda _: going.wait(time_limit(60)), delivered.append, delivered.append)
    background_tasks.close()
    going.set()
    time.sleep(0.2)
    background_tasks.update()
    assert delivered == []
    assert not background_tasks.is_busy
