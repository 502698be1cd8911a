# SPDX-License-Identifier: GPL-2.0-or-later
"""Finished files of a bridge that has another disk, and the threads that may wait, over a real socket."""

import os
import threading
import time

import pytest
from fake_bridge import JOB, TOKEN

from p2p_render import far_side
from p2p_render.bridge_process import BridgePlace
from p2p_render.collector import FETCHED, GONE, HERE, Collector, Wanted
from p2p_render.conversation import RunFailed
from p2p_render.errands import Errands

FAR = "C:\\p2p\\uploads\\1\\out\\"


@pytest.fixture
def collector():
    own = Collector()
    yield own
    own.close()


def wanted(fake, folder, name, **changes):
    place = BridgePlace(address=f"127.0.0.1:{fake.port}", token=TOKEN)
    given = {"since": time.time() - 1, "overwrite": True, **changes}
    return Wanted(place, JOB, FAR + name, str(folder / name), **given)


def settled(collector, count, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        collector.turn()
        outcomes = list(collector.outcomes(JOB).values())
        if len(outcomes) == count and None not in outcomes:
            return outcomes
        time.sleep(0.02)
    raise AssertionError(collector.outcomes(JOB))


def test_files_come_one_after_the_other_and_each_once(fake, collector, tmp_path):
    folder = tmp_path / "out" / "shots"
    fake.files = {FAR + f"shot_{number}.png": os.urandom(3000) for number in range(5)}
    for _ in range(2):
        for number in range(5):
            collector.want(wanted(fake, folder, f"shot_{number}.png"))
    assert settled(collector, 5) == [FETCHED] * 5
    for path, data in fake.files.items():
        assert (folder / path.rpartition("\\")[2]).read_bytes() == data
    asked = 0
    while not fake.said.empty():
        asked += fake.said.get()[0] == "files.get"
    assert asked == 5


def test_what_is_here_already_is_not_fetched_what_is_older_makes_room_if_it_may(fake, collector, tmp_path):
    fake.files = {FAR + name: b"new" for name in ("mine.png", "old.png", "kept.png")}
    for name in ("mine.png", "old.png", "kept.png"):
        (tmp_path / name).write_bytes(b"there")
        if name != "mine.png":
            os.utime(tmp_path / name, (1000, 1000))
    collector.want(wanted(fake, tmp_path, "mine.png"))
    collector.want(wanted(fake, tmp_path, "old.png"))
    collector.want(wanted(fake, tmp_path, "kept.png", overwrite=False))
    assert settled(collector, 3) == [HERE, FETCHED, HERE]
    assert [(tmp_path / name).read_bytes() for name in ("mine.png", "old.png", "kept.png")] == [b"there", b"new", b"there"]


def test_what_is_gone_is_known_what_cannot_be_kept_is_told_and_tried_again(fake, collector, tmp_path):
    fake.files = {FAR + "a.png": b"a"}
    (tmp_path / "file").write_text("no folder")
    collector.want(wanted(fake, tmp_path / "file", "a.png"))
    collector.want(wanted(fake, tmp_path, "gone.png"))
    message, gone = settled(collector, 2)
    assert "could not be written" in message
    assert gone == GONE
    collector.retry(JOB)
    (tmp_path / "file").unlink()
    collector.want(wanted(fake, tmp_path / "file", "a.png"))
    assert sorted(settled(collector, 2)) == sorted([FETCHED, GONE])


def test_a_bridge_that_goes_is_told_and_the_next_one_is_asked(fake, collector, tmp_path):
    fake.files = {FAR + "a.png": b"a", FAR + "b.png": b"b"}
    collector.want(wanted(fake, tmp_path, "a.png"))
    settled(collector, 1)
    fake.die()
    collector.want(wanted(fake, tmp_path, "b.png"))
    assert any("bridge" in outcome.lower() for outcome in settled(collector, 2))
    assert not (tmp_path / "b.png").exists()
    fake.__enter__()
    collector.retry(JOB)
    collector.want(wanted(fake, tmp_path, "b.png"))
    assert settled(collector, 2) == [FETCHED, FETCHED]


def test_errands_are_done_elsewhere_and_told_here():
    errands, told, threads = Errands(), [], []
    errands.on_stats = lambda text: told.append(text)

    def work(errand):
        threads.append(threading.current_thread())
        errand.stats("under way")
        return 7

    def fails(_errand):
        raise RunFailed("it went wrong")

    errands.begin(work, lambda value: told.append((value, threading.current_thread())), told.append)
    deadline = time.monotonic() + 10
    while errands.is_busy and time.monotonic() < deadline:
        errands.turn()
    assert told == ["under way", (7, threading.main_thread())]
    assert threads[0] is not threading.main_thread()
    errands.begin(fails, told.append, lambda message: told.append(message.upper()))
    while errands.is_busy and time.monotonic() < deadline:
        errands.turn()
    assert told[-1] == "IT WENT WRONG"


def test_an_errand_that_was_given_up_says_nothing():
    errands, told, going = Errands(), [], threading.Event()
    errands.begin(lambda _: going.wait(10), told.append, told.append)
    errands.close()
    going.set()
    time.sleep(0.2)
    errands.turn()
    assert told == []
    assert not errands.is_busy


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
    assert far_side.place_of(output, UPLOADED, "/film", ("/parts", "/masks")) == place


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
    assert far_side.files_submission({"scenePath": "/s"}, template) == {"scenePath": "/s", "output": output}
    assert far_side.files_submission({"video": "/home/mia/films/lamp.mp4"}, template)["video"] == "out/lamp.mp4"
