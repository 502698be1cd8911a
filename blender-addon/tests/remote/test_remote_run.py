# SPDX-License-Identifier: GPL-2.0-or-later
"""A render with a bridge that has another disk."""

import threading
from pathlib import Path
from typing import Any

import pytest
from fake_bridge import JOB, FakeBridge, golden, job_summary
from remote_clients import Owner, settings_for

from p2p_render.bridge.blender_build import LocalBlender
from p2p_render.bridge.blocking_client import OperationFailed
from p2p_render.bridge.render_request import RenderRequest
from p2p_render.remote.downloaded_files import download_folder
from p2p_render.render.swarm_run import SwarmRun

RECT = {"x": 0, "y": 0, "width": 4, "height": 4}
REMOTE_FOLDER = "C:\\p2p\\jobs\\1\\"
TILE: dict[str, Any] = {
    "event": "tile",
    "chunk": "c",
    "donor": "d",
    "scene": "Scene",
    "frame": 1,
    "rect": RECT,
    "region": RECT,
    "path": REMOTE_FOLDER + "t.exr",
}
PICTURE: dict[str, Any] = {
    "scene": "Scene",
    "frame": 1,
    "path": REMOTE_FOLDER + "whole.exr",
    "width": 4,
    "height": 4,
    "region": RECT,
}
WHOLE = {"event": "frame-raw", "frame": 1, "pictures": [PICTURE]}
DONE = {"event": "job-summary", "summary": job_summary("complete")}


def packs_nothing(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """Replaces packing, which is tested in a real Blender, and records its calls."""
    packed: list[tuple[str, bytes]] = []

    def pack(program: str, copy: str, _is_stopped: object) -> tuple[str, ...]:
        packed.append((program, Path(copy).read_bytes()))
        return ()

    monkeypatch.setattr("p2p_render.remote.remote_bridge.make_self_contained", pack)
    return packed


def run_for(fake: FakeBridge, tmp_path: Path, **request: Any) -> tuple[SwarmRun, Path, dict[str, Any]]:
    copy = tmp_path / "copies" / "1" / "s.blend"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(b"BLENDER")
    build = golden("reply.swarm.status")["result"]["thisComputer"]["blenders"][0]
    local_blender = LocalBlender("/usr/bin/blender", build["version"], build["buildHash"])
    submission = {
        "scenePath": str(copy),
        "owned": True,
        "blender": "/usr/bin/blender",
        "cwd": "/home/mia",
        "source": "/home/mia/s.blend",
    }
    fields = {"submission": submission, "frames": (1,), "local_blender": local_blender, **request}
    return SwarmRun(RenderRequest(settings_for(fake), **fields)), copy, build


def lead(fake: FakeBridge, *events: dict[str, Any]) -> None:
    def work() -> None:
        fake.asked("jobs.watch")
        for event in events:
            fake.event(event)

    threading.Thread(target=work, daemon=True).start()


def test_a_run_uploads_its_copy_and_downloads_tiles_and_frames(
    remote: FakeBridge, owner: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = packs_nothing(monkeypatch)
    remote.files = {TILE["path"]: b"tile", PICTURE["path"]: b"raw"}
    run, copy, build = run_for(remote, tmp_path)
    submitted: list[object] = []

    def submit(submission: object) -> dict[str, str]:
        submitted.append(submission)
        return {"job": JOB}

    remote.answers["jobs.submit"] = submit
    lead(remote, TILE)
    run.begin(owner)

    def finish() -> None:
        remote.event(WHOLE)
        remote.event(DONE)

    threading.Timer(0.5, finish).start()
    path = Path(run.picture("Scene", 1, owner))
    assert (path.read_bytes(), path.suffix) == (b"raw", ".exr")
    assert owner.shown == [b"tile"]
    assert run.known_path("Scene", 1) == str(path)
    assert packed == [("/usr/bin/blender", b"BLENDER")]
    assert submitted == [
        {
            "scenePath": "C:\\p2p\\uploads\\1\\s.blend",
            "owned": True,
            "blender": build["path"],
            "cwd": None,
            "source": "/home/mia/s.blend",
        }
    ]
    assert not copy.parent.exists()
    assert [each.name for each in path.parent.iterdir()] == [path.name]  # the tile was shown, and discarded
    run.release(1)
    assert not path.exists()
    run.end(is_done=True)
    assert remote.asked("jobs.release") == {"job": JOB, "frame": 1}


def test_a_tile_that_was_deleted_is_skipped(
    remote: FakeBridge, owner: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs_nothing(monkeypatch)
    remote.files = {PICTURE["path"]: b"raw"}
    run, _, _ = run_for(remote, tmp_path)
    lead(remote, TILE, WHOLE, DONE)
    run.begin(owner)
    assert Path(run.picture("Scene", 1, owner)).read_bytes() == b"raw"
    assert owner.shown == []
    run.end(is_done=True)
    assert not list(download_folder.path_for("/x") and Path(download_folder.path_for("/x")).parent.iterdir())


def test_the_frames_of_an_existing_job_are_downloaded(remote: FakeBridge, owner: Owner, tmp_path: Path) -> None:
    remote.files = {PICTURE["path"]: b"raw"}
    remote.answers["jobs.watch"] = {"summary": job_summary("complete"), "first": 0, "next": 0, "raw": [1], "outputs": []}
    remote.answers["jobs.raw"] = {"pictures": [PICTURE]}
    run, _, _ = run_for(remote, tmp_path, job=JOB, submission={})
    run.begin(owner)
    assert Path(run.picture("Scene", 1, owner)).read_bytes() == b"raw"
    run.disconnect()


def test_a_bridge_without_this_blender_is_reported_before_the_upload(remote: FakeBridge, owner: Owner, tmp_path: Path) -> None:
    run, copy, _ = run_for(remote, tmp_path, local_blender=LocalBlender("/usr/bin/blender", "1.2.3", "Unknown"))
    with pytest.raises(OperationFailed, match=r"does not have this Blender 1\.2\.3"):
        run.begin(owner)
    assert remote.uploads == []
    assert not copy.parent.exists()
    run.end(is_done=False)


def test_nothing_is_uploaded_to_a_bridge_on_our_disk(fake: FakeBridge, owner: Owner, tmp_path: Path) -> None:
    run, copy, _ = run_for(fake, tmp_path)
    run.begin(owner)
    assert fake.asked("jobs.submit")["scenePath"] == str(copy)
    assert (fake.uploads, copy.exists()) == ([], True)
    run.end(is_done=False)
