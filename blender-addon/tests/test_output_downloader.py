# SPDX-License-Identifier: GPL-2.0-or-later
"""Finished files of a bridge that has another disk, and the threads that may wait, over a real socket."""

import os
import threading
import time

import pytest
from fake_bridge import JOB, TOKEN

from p2p_render.bridge.background_tasks import BackgroundTasks
from p2p_render.bridge.blocking_client import OperationFailed
from p2p_render.bridge.discovery import BridgeSettings
from p2p_render.remote import remote_bridge
from p2p_render.remote.output_downloader import DOWNLOADED, GONE, PRESENT, OutputDownload, OutputDownloader

FAR = "C:\\p2p\\uploads\\1\\out\\"


@pytest.fixture
def output_downloader():
    own = OutputDownloader()
    yield own
    own.close()


def wanted(fake, folder, name, **changes):
    place = BridgeSettings(address=f"127.0.0.1:{fake.port}", token=TOKEN)
    given = {"since": time.time() - 1, "overwrite": True, **changes}
    return OutputDownload(place, JOB, FAR + name, str(folder / name), **given)


def settled(output_downloader, count, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        output_downloader.update()
        outcomes = list(output_downloader.outcomes(JOB).values())
        if len(outcomes) == count and None not in outcomes:
            return outcomes
        time.sleep(0.02)
    raise AssertionError(output_downloader.outcomes(JOB))


def test_files_come_one_after_the_other_and_each_once(fake, output_downloader, tmp_path):
    folder = tmp_path / "out" / "shots"
    fake.files = {FAR + f"shot_{number}.png": os.urandom(3000) for number in range(5)}
    for _ in range(2):
        for number in range(5):
            output_downloader.enqueue(wanted(fake, folder, f"shot_{number}.png"))
    assert settled(output_downloader, 5) == [DOWNLOADED] * 5
    for path, data in fake.files.items():
        assert (folder / path.rpartition("\\")[2]).read_bytes() == data
    asked = 0
    while not fake.said.empty():
        asked += fake.said.get()[0] == "files.get"
    assert asked == 5


def test_what_is_here_already_is_not_fetched_what_is_older_makes_room_if_it_may(fake, output_downloader, tmp_path):
    fake.files = {FAR + name: b"new" for name in ("mine.png", "old.png", "kept.png")}
    for name in ("mine.png", "old.png", "kept.png"):
        (tmp_path / name).write_bytes(b"there")
        if name != "mine.png":
            os.utime(tmp_path / name, (1000, 1000))
    output_downloader.enqueue(wanted(fake, tmp_path, "mine.png"))
    output_downloader.enqueue(wanted(fake, tmp_path, "old.png"))
    output_downloader.enqueue(wanted(fake, tmp_path, "kept.png", overwrite=False))
    assert settled(output_downloader, 3) == [PRESENT, DOWNLOADED, PRESENT]
    assert [(tmp_path / name).read_bytes() for name in ("mine.png", "old.png", "kept.png")] == [b"there", b"new", b"there"]


def test_what_is_gone_is_known_what_cannot_be_kept_is_told_and_tried_again(fake, output_downloader, tmp_path):
    fake.files = {FAR + "a.png": b"a"}
    (tmp_path / "file").write_text("no folder")
    output_downloader.enqueue(wanted(fake, tmp_path / "file", "a.png"))
    output_downloader.enqueue(wanted(fake, tmp_path, "gone.png"))
    message, gone = settled(output_downloader, 2)
    assert "could not be written" in message
    assert gone == GONE
    output_downloader.retry(JOB)
    (tmp_path / "file").unlink()
    output_downloader.enqueue(wanted(fake, tmp_path / "file", "a.png"))
    assert sorted(settled(output_downloader, 2)) == sorted([DOWNLOADED, GONE])


def test_a_bridge_that_goes_is_told_and_the_next_one_is_asked(fake, output_downloader, tmp_path):
    fake.files = {FAR + "a.png": b"a", FAR + "b.png": b"b"}
    output_downloader.enqueue(wanted(fake, tmp_path, "a.png"))
    settled(output_downloader, 1)
    fake.die()
    output_downloader.enqueue(wanted(fake, tmp_path, "b.png"))
    assert any("bridge" in outcome.lower() for outcome in settled(output_downloader, 2))
    assert not (tmp_path / "b.png").exists()
    fake.__enter__()
    output_downloader.retry(JOB)
    output_downloader.enqueue(wanted(fake, tmp_path, "b.png"))
    assert settled(output_downloader, 2) == [DOWNLOADED, DOWNLOADED]


def test_errands_are_done_elsewhere_and_told_here():
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


def test_an_errand_that_was_given_up_says_nothing():
    background_tasks, told, going = BackgroundTasks(), [], threading.Event()
    background_tasks.start(lambda _: going.wait(10), told.append, told.append)
    background_tasks.close()
    going.set()
    time.sleep(0.2)
    background_tasks.update()
    assert told == []
    assert not background_tasks.is_busy


UPLOADED = "C:\\p2p\\uploads\\7f\\shot.blend"


@pytest.mark.parametrize(
    ("output", "place"),
    [
        ("C:\\p2p\\uploads\\7f\\out\\a_01.png", "/film/a_01.png"),
        ("C:/p2p/uploads/7f/out/left/a_01.png", "/film/left/a_01.png"),
        ("C:\\p2p\\uploads\\7f\\out\\folder-1\\z\\z_01.exr", "/masks/z/z_01.exr"),
        ("C:\\p2p\\uploads\\7f\\out\\folder-0\\z_01.exr", "/parts/z_01.exr"),
        ("C:\\p2p\\uploads\\7f\\out\\folder-2\\z_01.exr", None),
        ("C:\\p2p\\uploads\\8e\\out\\a_01.png", None),
        ("C:\\p2p\\uploads\\7f\\out\\..\\a_01.png", None),
        ("C:\\p2p\\uploads\\7f\\out\\", None),
        ("C:\\p2p\\uploads\\7f\\out\\D:\\a_01.png", None),
        ("/home/mia/elsewhere/a_01.png", None),
    ],
)
def test_a_file_belongs_where_the_scene_says_and_never_elsewhere(output, place):
    assert remote_bridge.local_path_of(output, UPLOADED, "/film", ("/parts", "/masks")) == place


@pytest.mark.parametrize(
    ("template", "output"),
    [
        ("//render/shot_####", "out/shot_####"),
        ("/tmp/", "out/"),
        ("C:\\films\\a_##.png", "out/a_##.png"),
        ("shot", "out/shot"),
        ("", "out/"),
    ],
)
def test_of_the_output_only_the_folder_is_another(template, output):
    assert remote_bridge.with_output_folder({"scenePath": "/s"}, template) == {"scenePath": "/s", "output": output}
    assert remote_bridge.with_output_folder({"video": "/home/mia/films/lamp.mp4"}, template)["video"] == "out/lamp.mp4"
