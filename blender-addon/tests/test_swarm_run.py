# SPDX-License-Identifier: GPL-2.0-or-later
"""A render from the engine's side, over a real socket."""

import threading

import pytest
from fake_bridge import JOB, golden, job_summary

from p2p_render.bridge_process import BridgePlace
from p2p_render.swarm_run import Interrupted, Order, RunFailed, SwarmRun

RECT = {"x": 0, "y": 0, "width": 4, "height": 4}
TILE = {"event": "tile", "chunk": "c", "donor": "d", "scene": "Scene", "frame": 1, "rect": RECT, "region": RECT, "path": "/t.exr"}
PICTURE = {"scene": "Scene", "frame": 1, "path": "/whole.exr", "width": 4, "height": 4, "region": RECT}
WHOLE = {"event": "frame-raw", "frame": 1, "pictures": [PICTURE]}


class Screen:
    def __init__(self):
        self.tiles, self.texts, self.stopped = [], [], False

    def tile(self, tile):
        self.tiles.append(tile.path)

    def progress(self, progress):
        self.texts.append(progress.chunks_done)

    def stats(self, text):
        self.texts.append(text)

    def is_stopped(self):
        return self.stopped


@pytest.fixture
def screen():
    return Screen()


def run_for(fake, **order):
    return SwarmRun(Order(BridgePlace(home=str(fake.home)), **{"submission": {"scenePath": "/s.blend"}, "frames": (1,), **order}))


def lead(fake, *events, after="jobs.watch"):
    """Says events once the run watches its job."""

    def work():
        fake.asked(after)
        for event in events:
            fake.event(event)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def ended(state, **changes):
    return {"event": "job-summary", "line": job_summary(state, **changes)}


def test_tiles_are_shown_and_the_whole_is_delivered(fake, screen):
    run = run_for(fake)
    lead(fake, TILE, WHOLE, ended("complete"))
    run.begin(screen)
    assert run.picture("Scene", 1, screen) == "/whole.exr"
    assert screen.tiles == ["/t.exr"]
    assert run.known_path("Scene", 1) == "/whole.exr"
    run.release(1)
    assert fake.asked("jobs.release") == {"job": JOB, "frame": 1}
    run.end(is_done=True)
    assert fake.asked("jobs.release") == {"job": JOB}


def test_an_interrupted_run_cancels_its_job(fake, screen):
    run = run_for(fake)
    run.begin(screen)
    screen.stopped = True
    with pytest.raises(Interrupted):
        run.picture("Scene", 1, screen)
    run.end(is_done=False)
    assert fake.asked("jobs.cancel") == {"job": JOB}


def test_a_bridge_that_dies_is_told_with_what_to_press(fake, screen):
    run = run_for(fake)
    run.begin(screen)
    fake.die()
    with pytest.raises(RunFailed, match="press Go On"):
        run.picture("Scene", 1, screen)


def test_a_job_that_fails_is_told_in_the_bridges_words(fake, screen):
    error = {"code": "SCENE_NO_CAMERA", "message": 'scene "Scene" has no camera', "advice": "Add one."}
    lead(fake, ended("failed", error=error))
    run = run_for(fake)
    run.begin(screen)
    with pytest.raises(RunFailed, match=r'scene "Scene" has no camera\. Add one\.'):
        run.picture("Scene", 1, screen)


def test_an_incomplete_job_names_the_frame(fake, screen):
    lead(fake, {"event": "chunk-dead", "chunk": "c", "code": "X", "message": "it crashed everywhere"}, ended("incomplete"))
    run = run_for(fake)
    run.begin(screen)
    with pytest.raises(RunFailed, match=r"frame 1.*crashed everywhere"):
        run.picture("Scene", 1, screen)


def test_a_refused_wish_is_told(fake, screen):
    fake.answers["jobs.submit"] = {"failure": {"code": "DISK_FULL", "message": "no space is left", "advice": "Make room."}}
    with pytest.raises(RunFailed, match=r"no space is left\. Make room\."):
        run_for(fake).begin(screen)


def test_a_job_that_is_there_already_is_taken_up_and_its_floats_are_found(fake, screen):
    fake.answers["jobs.watch"] = {"line": job_summary("cancelled"), "first": 0, "next": 0, "raw": [1], "outputs": []}
    fake.answers["jobs.raw"] = {"pictures": [PICTURE]}
    run = run_for(fake, job=JOB, submission={})
    run.begin(screen)
    assert run.picture("Scene", 1, screen) == "/whole.exr"
    assert fake.asked("jobs.retry") == {"job": JOB}


def test_an_animations_frames_come_from_one_job(fake, screen):
    second = {**WHOLE, "frame": 2, "pictures": [{**PICTURE, "frame": 2, "path": "/second.exr"}]}
    lead(fake, second, WHOLE)
    run = run_for(fake, frames=(1, 2))
    run.begin(screen)
    assert run.picture("Scene", 1, screen) == "/whole.exr"
    assert run.picture("Scene", 2, screen) == "/second.exr"


def test_the_golden_tile_is_one(fake):
    assert TILE.keys() == golden("event.tile")["event"].keys()
    assert WHOLE.keys() == golden("event.frame-raw")["event"].keys()
