# SPDX-License-Identifier: GPL-2.0-or-later
"""A bridge that has another disk: who it is told by, and what goes to and fro then."""

import hashlib
import os
import sys
import threading
from pathlib import Path

import pytest
from fake_bridge import JOB, TOKEN, golden, job_summary

from p2p_render.bridge.blender_build import LocalBlender, is_same_build
from p2p_render.bridge.blocking_client import BlockingClient, Interrupted, OperationFailed
from p2p_render.bridge.bridge_process import BridgeMissing, StartedBridge
from p2p_render.bridge.discovery import BridgeSettings, Endpoint, find_running, is_address
from p2p_render.bridge.file_names import name_of, portable_name
from p2p_render.bridge.file_transfer import FileReceived
from p2p_render.bridge.render_request import RenderRequest
from p2p_render.bridge.shared_disk import is_remote
from p2p_render.bridge.websocket_thread import BridgeConnection
from p2p_render.bridge.wire import messages, records
from p2p_render.remote import self_contained
from p2p_render.remote.downloaded_files import DownloadFolder, download_folder
from p2p_render.render import swarm_run
from p2p_render.render.swarm_run import SwarmRun

RECT = {"x": 0, "y": 0, "width": 4, "height": 4}
FAR = "C:\\p2p\\jobs\\1\\"
TILE = {
    "event": "tile",
    "chunk": "c",
    "donor": "d",
    "scene": "Scene",
    "frame": 1,
    "rect": RECT,
    "region": RECT,
    "path": FAR + "t.exr",
}
PICTURE = {"scene": "Scene", "frame": 1, "path": FAR + "whole.exr", "width": 4, "height": 4, "region": RECT}
WHOLE = {"event": "frame-raw", "frame": 1, "pictures": [PICTURE]}
DONE = {"event": "job-summary", "line": job_summary("complete")}


class Owner:
    """Of a conversation, or the screen of a run."""

    def __init__(self):
        self.stopped, self.texts, self.shown = False, [], []

    def is_stopped(self):
        return self.stopped

    def status(self, text):
        self.texts.append(text)

    def received(self, _message):
        pass

    def progress(self, _progress):
        pass

    def tile(self, tile):
        self.shown.append(Path(tile.path).read_bytes())


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
def remote(fake):
    """The fake bridge, as through a tunnel: its home is on no disk of ours."""
    fake.named_home = Path("/nowhere/p2p-render")
    return fake


def settings_for(fake):
    return BridgeSettings(address=f"127.0.0.1:{fake.port}", token=TOKEN)


def connected_client(fake, owner):
    client = BlockingClient(settings_for(fake), owner)
    client.connect()
    return client


def welcome_of(home):
    said = golden("welcome")
    return messages.Welcome(1, "0.1.0", said["pid"], str(home), said["session"])


def test_a_bridge_whose_note_lies_here_shares_our_disk_any_other_is_apart(fake, tmp_path):
    endpoint = Endpoint(f"ws://127.0.0.1:{fake.port}/", TOKEN)
    assert not is_remote(welcome_of(fake.home), endpoint)
    assert is_remote(welcome_of(tmp_path / "other"), endpoint)
    assert is_remote(welcome_of(fake.home), Endpoint("ws://127.0.0.1:9/", TOKEN))
    for change in ('"pid": 4711', '"session": "5b1f0c2e"'):
        note = (fake.home / "gateway.json").read_text("utf-8")
        assert change in note
        (fake.home / "gateway.json").write_text(note.replace(change, change.replace("1", "2")), "utf-8")
        assert is_remote(welcome_of(fake.home), endpoint)
        (fake.home / "gateway.json").write_text(note, "utf-8")
    (fake.home / "gateway.json").write_text("{", "utf-8")
    assert is_remote(welcome_of(fake.home), endpoint)


@pytest.mark.parametrize("text", ["127.0.0.1:1", "127.0.0.1:65535", "[::1]:7777"])
def test_an_address_is_one_of_this_computers_own(text):
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "localhost:7", "10.0.0.7:7777", "127.0.0.1:7/", "a:b", "127.0.0.1:07"],
)
def test_and_no_other_is(text):
    assert not is_address(text)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (BridgeSettings(address="127.0.0.1:9", token="t"), "is the tunnel open"),
        (BridgeSettings(address="127.0.0.1:9"), "requires its token"),
        (BridgeSettings(address="farm.example:9", token="t"), "write 127.0.0.1:PORT"),
    ],
)
def test_with_an_address_no_bridge_is_started_and_words_say_what_to_do(settings, words, owner):
    with pytest.raises(BridgeMissing, match=words):
        StartedBridge(settings)
    with pytest.raises(BridgeMissing, match=words):
        BlockingClient(settings, owner).connect()


def test_a_note_here_counts_for_nothing_where_an_address_is_given(fake):
    settings = BridgeSettings(home=str(fake.home), address="127.0.0.1:9", token="t")
    assert find_running(settings) == Endpoint("ws://127.0.0.1:9/", "t")


def test_a_file_is_sent_in_parts_and_its_place_is_told(remote, owner, tmp_path):
    data, scene = os.urandom(1_000_000), tmp_path / "lämp.blend"
    scene.write_bytes(data)
    client = connected_client(remote, owner)
    assert client.is_remote
    assert client.upload(str(scene)) == "C:\\p2p\\uploads\\1\\lämp.blend"
    assert remote.asked("files.put") == {"name": "lämp.blend", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert remote.uploads == [("lämp.blend", data)]
    client.close()


def test_what_the_bridge_refuses_of_a_file_is_told(remote, owner, tmp_path):
    (tmp_path / "s.blend").write_bytes(b"BLENDER")
    remote.answers["files.done"] = {"failure": {"code": "DISK_FULL", "message": "no space is left", "advice": "Make room."}}
    with pytest.raises(OperationFailed, match=r"no space is left\. Make room\."):
        connected_client(remote, owner).upload(str(tmp_path / "s.blend"))
    with pytest.raises(OperationFailed, match="cannot be read"):
        connected_client(remote, owner).upload(str(tmp_path / "none.blend"))


def test_sending_can_be_stopped(remote, owner, tmp_path):
    (tmp_path / "s.blend").write_bytes(b"BLENDER")
    client, owner.stopped = connected_client(remote, owner), True
    with pytest.raises(Interrupted):
        client.upload(str(tmp_path / "s.blend"))


def test_a_file_comes_whole_or_not_at_all(remote, owner, tmp_path):
    remote.files = {"/a.exr": os.urandom(12_345), "/empty.png": b"", "/short.png": None}
    client = connected_client(remote, owner)
    assert client.download(JOB, "/a.exr", str(tmp_path / "new" / "a.exr"))
    assert remote.asked("files.get") == {"job": JOB, "path": "/a.exr"}
    assert (tmp_path / "new" / "a.exr").read_bytes() == remote.files["/a.exr"]
    assert client.download(JOB, "/empty.png", str(tmp_path / "empty.png"))
    assert (tmp_path / "empty.png").read_bytes() == b""
    assert not client.download(JOB, "/gone.exr", str(tmp_path / "gone.exr"))
    assert not client.download(JOB, "/short.png", str(tmp_path / "short.png"))
    assert sorted(path.name for path in tmp_path.iterdir() if path.name not in {"home"}) == ["empty.png", "new"]
    client.close()


def test_a_file_that_cannot_be_kept_is_told_and_what_follows_is_understood(remote, owner, tmp_path):
    remote.files = {"/a.exr": os.urandom(5_000)}
    (tmp_path / "file").write_text("no folder")
    client = connected_client(remote, owner)
    with pytest.raises(OperationFailed, match="could not be written"):
        client.download(JOB, "/a.exr", str(tmp_path / "file" / "a.exr"))
    assert client.download(JOB, "/a.exr", str(tmp_path / "a.exr"))
    client.close()


def test_a_file_that_nobody_asked_for_ends_the_link(remote):
    connection = BridgeConnection(Endpoint(f"ws://127.0.0.1:{remote.port}/", TOKEN))
    connection.start()
    connection.wait(10)
    connection.request("jobs.list", {})
    connection.wait(10)
    remote._pour(remote._sockets[0], 7, b"x")
    assert connection.wait(10).code == "CONNECTION_PROTOCOL_ERROR"


def test_files_that_come_are_no_more_in_memory_than_a_part(remote, tmp_path):
    """What is heard of a file is one message, when it is whole."""
    remote.files = {"/a.exr": os.urandom(300_000)}
    connection = BridgeConnection(Endpoint(f"ws://127.0.0.1:{remote.port}/", TOKEN))
    connection.start()
    connection.wait(10)
    number = connection.fetch(JOB, "/a.exr", str(tmp_path / "a.exr"))
    assert connection.wait(10) == FileReceived(number)
    assert connection.drain() == []
    connection.close()


def packs_nothing(monkeypatch):
    """The packing itself is tried in a real Blender."""
    packed = []
    monkeypatch.setattr(
        "p2p_render.remote.remote_bridge.make_self_contained",
        lambda program, copy, _: packed.append((program, Path(copy).read_bytes())) or (),
    )
    return packed


def run_for(fake, tmp_path, **request):
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
    return (
        SwarmRun(
            RenderRequest(
                settings_for(fake), **{"submission": submission, "frames": (1,), "local_blender": local_blender, **request}
            )
        ),
        copy,
        build,
    )


def lead(fake, *events):
    def work():
        fake.asked("jobs.watch")
        for event in events:
            fake.event(event)

    threading.Thread(target=work, daemon=True).start()


def test_a_run_sends_its_copy_and_fetches_tiles_and_floats(remote, owner, tmp_path, monkeypatch):
    packed = packs_nothing(monkeypatch)
    remote.files = {TILE["path"]: b"tile", PICTURE["path"]: b"raw"}
    run, copy, build = run_for(remote, tmp_path)
    submitted = []
    remote.answers["jobs.submit"] = lambda submission: submitted.append(submission) or {"job": JOB}
    lead(remote, TILE)
    run.begin(owner)
    threading.Timer(0.5, lambda: (remote.event(WHOLE), remote.event(DONE))).start()
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
    assert [each.name for each in path.parent.iterdir()] == [path.name]  # the tile was shown, and went
    run.release(1)
    assert not path.exists()
    run.end(is_done=True)
    assert remote.asked("jobs.release") == {"job": JOB, "frame": 1}


def test_a_tile_that_is_gone_is_no_error(remote, owner, tmp_path, monkeypatch):
    packs_nothing(monkeypatch)
    remote.files = {PICTURE["path"]: b"raw"}
    run, _, _ = run_for(remote, tmp_path)
    lead(remote, TILE, WHOLE, DONE)
    run.begin(owner)
    assert Path(run.picture("Scene", 1, owner)).read_bytes() == b"raw"
    assert owner.shown == []
    run.end(is_done=True)
    assert not list(download_folder.path_for("/x") and Path(download_folder.path_for("/x")).parent.iterdir())


def test_a_job_that_is_there_already_is_taken_up(remote, owner, tmp_path):
    remote.files = {PICTURE["path"]: b"raw"}
    remote.answers["jobs.watch"] = {"line": job_summary("complete"), "first": 0, "next": 0, "raw": [1], "outputs": []}
    remote.answers["jobs.raw"] = {"pictures": [PICTURE]}
    run, _, _ = run_for(remote, tmp_path, job=JOB, submission={})
    run.begin(owner)
    assert Path(run.picture("Scene", 1, owner)).read_bytes() == b"raw"
    run.disconnect()


def test_a_bridge_without_this_blender_is_told_before_anything_is_sent(remote, owner, tmp_path):
    run, copy, _ = run_for(remote, tmp_path, local_blender=LocalBlender("/usr/bin/blender", "1.2.3", "Unknown"))
    with pytest.raises(OperationFailed, match=r"does not have this Blender 1\.2\.3"):
        run.begin(owner)
    assert remote.uploads == []
    assert not copy.parent.exists()
    run.end(is_done=False)


def test_a_bridge_on_our_disk_is_sent_nothing_also_by_its_address(fake, owner, tmp_path):
    run, copy, _ = run_for(fake, tmp_path)
    run.begin(owner)
    assert fake.asked("jobs.submit")["scenePath"] == str(copy)
    assert (fake.uploads, copy.exists()) == ([], True)
    run.end(is_done=False)


@pytest.mark.parametrize(("own", "same"), [("Unknown", True), ("0123456789ab", True), ("fedcba987654", False), ("", True)])
def test_the_same_blender_is_known_by_its_hash_where_it_has_one(own, same):
    assert is_same_build(LocalBlender("/b", "4.2.1", own), records.Build("4.2.1", "0123456789ab")) is same
    assert not is_same_build(LocalBlender("/b", "4.2.2", own), records.Build("4.2.1", "0123456789ab"))


def test_arrivals_lie_in_one_folder_that_goes(tmp_path):
    own = DownloadFolder()
    own.parent = str(tmp_path)
    first, second = Path(own.path_for("C:\\a\\t.exr")), Path(own.path_for("/b/t.exr"))
    assert first != second
    assert first.parent == second.parent
    assert first.parent.parent == tmp_path
    assert first.suffix == ".exr"
    first.write_bytes(b"x")
    own.clear()
    own.clear()
    assert not first.parent.exists()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/lamp.blend", "lamp.blend"),
        ("/a/a:b?.blend", "a_b_.blend"),
        ("C:\\a\\lamp.blend", "lamp.blend"),
        ("/a/old.blend1", "old.blend1.blend"),
    ],
)
def test_names_are_such_that_every_system_keeps_them(path, name):
    assert portable_name(path) == name
    assert len(portable_name("/" + "ä" * 300 + ".blend").encode()) <= 255


def test_names_are_found_in_paths_of_any_system():
    assert [name_of(path) for path in ("/out/f_1.png", "C:\\out\\f_1.png", "C:/out/f_1.png")] == ["f_1.png"] * 3


def test_a_blender_that_cannot_pack_is_told(tmp_path):
    with pytest.raises(OperationFailed, match="cannot be started"):
        self_contained.make_self_contained(str(tmp_path / "none"), str(tmp_path / "s.blend"), lambda: False)
    program = tmp_path / "blender"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint('it broke')\nsys.exit(1)\n")
    program.chmod(0o755)
    with pytest.raises(OperationFailed, match="it broke"):
        self_contained.make_self_contained(str(program), str(tmp_path / "s.blend"), lambda: False)
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    with pytest.raises(Interrupted):
        self_contained.make_self_contained(str(program), str(tmp_path / "s.blend"), lambda: True)


def test_the_errors_of_a_run_are_those_of_its_conversation():
    assert (swarm_run.OperationFailed, swarm_run.Interrupted) == (OperationFailed, Interrupted)
