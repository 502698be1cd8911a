# SPDX-License-Identifier: GPL-2.0-or-later
"""A render from the engine's side, over a real socket."""

import threading
from typing import Any

import pytest
from fake_bridge import JOB, FakeBridge, golden, job_summary

from p2p_render.bridge.discovery import BridgeSettings
from p2p_render.bridge.job_progress import JobProgress
from p2p_render.bridge.render_request import RenderRequest
from p2p_render.bridge.wire.generated import Tile
from p2p_render.render.swarm_run import Interrupted, OperationFailed, SwarmRun

RECT = {"x": 0, "y": 0, "width": 4, "height": 4}
TILE = {"event": "tile", "chunk": "c", "donor": "d", "scene": "Scene", "frame": 1, "rect": RECT, "region": RECT, "path": "/t.exr"}
PICTURE = {"scene": "Scene", "frame": 1, "path": "/whole.exr", "width": 4, "height": 4, "region": RECT}
WHOLE = {"event": "frame-raw", "frame": 1, "pictures": [PICTURE]}


class FakeDisplay:
    def __init__(self) -> None:
        self.stopped = False
        self.tiles: list[str] = []
        self.texts: list[object] = []

    def tile(self, tile: Tile) -> None:
        self.tiles.append(tile.path)

    def progress(self, progress: JobProgress) -> None:
        self.texts.append(progress.chunks_done)

    def status(self, text: str) -> None:
        self.texts.append(text)

    def is_stopped(self) -> bool:
        return self.stopped


@pytest.fixture
def display() -> FakeDisplay:
    return FakeDisplay()


def run_for(fake: FakeBridge, **request: Any) -> SwarmRun:
    return SwarmRun(
        RenderRequest(BridgeSettings(home=str(fake.home)), **{"submission": {"scenePath": "/s.blend"}, "frames": (1,), **request})
    )


def lead(fake: FakeBridge, *events: dict[str, Any], after: str = "jobs.watch") -> threading.Thread:
    """Sends events once the run watches its job."""

    def work() -> None:
        fake.asked(after)
        for event in events:
            fake.event(event)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def ended(state: str, **changes: Any) -> dict[str, Any]:
    return {"event": "job-summary", "summary": job_summary(state, **changes)}


def test_tiles_are_shown_and_the_complete_frame_is_delivered(fake: FakeBridge, display: FakeDisplay) -> None:
    run = run_for(fake)
    lead(fake, TILE, WHOLE, ended("complete"))
    run.begin(display)
    assert run.picture("Scene", 1, display) == "/whole.exr"
    assert display.tiles == ["/t.exr"]
    assert run.known_path("Scene", 1) == "/whole.exr"
    run.release(1)
    assert fake.asked("jobs.release") == {"job": JOB, "frame": 1}
    run.end(is_done=True)
    assert fake.asked("jobs.release") == {"job": JOB}


def test_an_interrupted_run_cancels_its_job(fake: FakeBridge, display: FakeDisplay) -> None:
    run = run_for(fake)
    run.begin(display)
    display.stopped = True
    with pytest.raises(Interrupted):
        run.picture("Scene", 1, display)
    run.end(is_done=False)
    assert fake.asked("jobs.cancel") == {"job": JOB}


def test_a_dead_bridge_is_reported_with_the_button_to_press(fake: FakeBridge, display: FakeDisplay) -> None:
    run = run_for(fake)
    run.begin(display)
    fake.die()
    with pytest.raises(OperationFailed, match="press Resume"):
        run.picture("Scene", 1, display)


def test_the_error_of_a_failed_job_is_reported(fake: FakeBridge, display: FakeDisplay) -> None:
    error = {"code": "SCENE_NO_CAMERA", "message": 'scene "Scene" has no camera', "advice": "Add one."}
    lead(fake, ended("failed", error=error))
    run = run_for(fake)
    run.begin(display)
    with pytest.raises(OperationFailed, match=r'scene "Scene" has no camera\. Add one\.'):
        run.picture("Scene", 1, display)


def test_an_incomplete_job_names_the_frame(fake: FakeBridge, display: FakeDisplay) -> None:
    lead(fake, {"event": "chunk-dead", "chunk": "c", "code": "X", "message": "it crashed everywhere"}, ended("incomplete"))
    run = run_for(fake)
    run.begin(display)
    with pytest.raises(OperationFailed, match=r"frame 1.*crashed everywhere"):
        run.picture("Scene", 1, display)


def test_the_error_of_a_rejected_submission_is_reported(fake: FakeBridge, display: FakeDisplay) -> None:
    fake.answers["jobs.submit"] = {"failure": {"code": "DISK_FULL", "message": "no space is left", "advice": "Make room."}}
    with pytest.raises(OperationFailed, match=r"no space is left\. Make room\."):
        run_for(fake).begin(display)


def test_an_existing_job_is_resumed_and_its_frames_are_found(fake: FakeBridge, display: FakeDisplay) -> None:
    fake.answers["jobs.watch"] = {"summary": job_summary("cancelled"), "first": 0, "next": 0, "raw": [1], "outputs": []}
    fake.answers["jobs.raw"] = {"pictures": [PICTURE]}
    run = run_for(fake, job=JOB, submission={})
    run.begin(display)
    assert run.picture("Scene", 1, display) == "/whole.exr"
    assert fake.asked("jobs.retry") == {"job": JOB}


def test_the_frames_of_an_animation_come_from_one_job(fake: FakeBridge, display: FakeDisplay) -> None:
    second = {**WHOLE, "frame": 2, "pictures": [{**PICTURE, "frame": 2, "path": "/second.exr"}]}
    lead(fake, second, WHOLE)
    run = run_for(fake, frames=(1, 2))
    run.begin(display)
    assert run.picture("Scene", 1, display) == "/whole.exr"
    assert run.picture("Scene", 2, display) == "/second.exr"


def test_the_events_of_this_file_have_the_keys_of_the_golden_ones(fake: FakeBridge) -> None:
    assert TILE.keys() == golden("event.tile")["event"].keys()
    assert WHOLE.keys() == golden("event.frame-raw")["event"].keys()
