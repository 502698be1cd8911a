# SPDX-License-Identifier: GPL-2.0-or-later
"""A bridge that has another disk: who it is told by, and what goes to and fro then."""

import hashlib
import os
import sys
import threading
from pathlib import Path

import pytest
from fake_bridge import JOB, TOKEN, golden, job_summary

from p2p_render import messages, portable, swarm_run
from p2p_render.arrivals import Arrivals, arrivals, name_of
from p2p_render.bridge_process import BridgeMissing, BridgePlace, StartedBridge, find_running, is_address
from p2p_render.builds import OwnBlender, same_as
from p2p_render.conversation import Conversation, Interrupted, RunFailed, plain_name
from p2p_render.link import Endpoint, Link
from p2p_render.link_files import Fetched
from p2p_render.swarm_run import Order, SwarmRun
from p2p_render.whereabouts import is_apart

RECT = {"x": 0, "y": 0, "width": 4, "height": 4}
FAR = "C:\\p2p\\jobs\\1\\"
TILE = {"event": "tile", "chunk": "c", "donor": "d", "scene": "Scene", "frame": 1, "rect": RECT, "region": RECT, "path": FAR + "t.exr"}
PICTURE = {"scene": "Scene", "frame": 1, "path": FAR + "whole.exr", "width": 4, "height": 4, "region": RECT}
WHOLE = {"event": "frame-raw", "frame": 1, "pictures": [PICTURE]}
DONE = {"event": "job-summary", "line": job_summary("complete")}


class Owner:
    """Of a conversation, or the screen of a run."""

    def __init__(self):
        self.stopped, self.texts, self.shown = False, [], []

    def is_stopped(self):
        return self.stopped

    def stats(self, text):
        self.texts.append(text)

    def heard(self, _message):
        pass

    def progress(self, _progress):
        pass

    def tile(self, tile):
        self.shown.append(Path(tile.path).read_bytes())


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
def apart(fake):
    """The fake bridge, as through a tunnel: its home is on no disk of ours."""
    fake.named_home = Path("/nowhere/p2p-render")
    return fake


def place_of(fake):
    return BridgePlace(address=f"127.0.0.1:{fake.port}", token=TOKEN)


def talk_with(fake, owner):
    talk = Conversation(place_of(fake), owner)
    talk.connect()
    return talk


def welcome_of(home):
    said = golden("welcome")
    return messages.Welcome(1, "0.1.0", said["pid"], str(home), said["session"])


def test_a_bridge_whose_note_lies_here_shares_our_disk_any_other_is_apart(fake, tmp_path):
    endpoint = Endpoint(f"ws://127.0.0.1:{fake.port}/", TOKEN)
    assert not is_apart(welcome_of(fake.home), endpoint)
    assert is_apart(welcome_of(tmp_path / "other"), endpoint)
    assert is_apart(welcome_of(fake.home), Endpoint("ws://127.0.0.1:9/", TOKEN))
    for change in ('"pid": 4711', '"session": "5b1f0c2e"'):
        note = (fake.home / "gateway.json").read_text("utf-8")
        assert change in note
        (fake.home / "gateway.json").write_text(note.replace(change, change.replace("1", "2")), "utf-8")
        assert is_apart(welcome_of(fake.home), endpoint)
        (fake.home / "gateway.json").write_text(note, "utf-8")
    (fake.home / "gateway.json").write_text("{", "utf-8")
    assert is_apart(welcome_of(fake.home), endpoint)


@pytest.mark.parametrize("text", ["127.0.0.1:1", "127.0.0.1:65535", "[::1]:7777"])
def test_an_address_is_one_of_this_computers_own(text):
    assert is_address(text)


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "localhost:7", "10.0.0.7:7777", "127.0.0.1:7/", "a:b", "127.0.0.1:07"]
)
def test_and_no_other_is(text):
    assert not is_address(text)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (BridgePlace(address="127.0.0.1:9", token="t"), "is the tunnel open"),
        (BridgePlace(address="127.0.0.1:9"), "wants its token"),
        (BridgePlace(address="farm.example:9", token="t"), "write 127.0.0.1:PORT"),
    ],
)
def test_with_an_address_no_bridge_is_started_and_words_say_what_to_do(place, words, owner):
    with pytest.raises(BridgeMissing, match=words):
        StartedBridge(place)
    with pytest.raises(BridgeMissing, match=words):
        Conversation(place, owner).connect()


def test_a_note_here_counts_for_nothing_where_an_address_is_given(fake):
    place = BridgePlace(home=str(fake.home), address="127.0.0.1:9", token="t")
    assert find_running(place) == Endpoint("ws://127.0.0.1:9/", "t")


def test_a_file_is_sent_in_parts_and_its_place_is_told(apart, owner, tmp_path):
    data, scene = os.urandom(1_000_000), tmp_path / "lämp.blend"
    scene.write_bytes(data)
    talk = talk_with(apart, owner)
    assert talk.is_apart
    assert talk.send(str(scene)) == "C:\\p2p\\uploads\\1\\lämp.blend"
    assert apart.asked("files.put") == {"name": "lämp.blend", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert apart.uploads == [("lämp.blend", data)]
    talk.close()


def test_what_the_bridge_refuses_of_a_file_is_told(apart, owner, tmp_path):
    (tmp_path / "s.blend").write_bytes(b"BLENDER")
    apart.answers["files.done"] = {"failure": {"code": "DISK_FULL", "message": "no space is left", "advice": "Make room."}}
    with pytest.raises(RunFailed, match=r"no space is left\. Make room\."):
        talk_with(apart, owner).send(str(tmp_path / "s.blend"))
    with pytest.raises(RunFailed, match="cannot be read"):
        talk_with(apart, owner).send(str(tmp_path / "none.blend"))


def test_sending_can_be_stopped(apart, owner, tmp_path):
    (tmp_path / "s.blend").write_bytes(b"BLENDER")
    talk, owner.stopped = talk_with(apart, owner), True
    with pytest.raises(Interrupted):
        talk.send(str(tmp_path / "s.blend"))


def test_a_file_comes_whole_or_not_at_all(apart, owner, tmp_path):
    apart.files = {"/a.exr": os.urandom(12_345), "/empty.png": b"", "/short.png": None}
    talk = talk_with(apart, owner)
    assert talk.fetch(JOB, "/a.exr", str(tmp_path / "new" / "a.exr"))
    assert apart.asked("files.get") == {"job": JOB, "path": "/a.exr"}
    assert (tmp_path / "new" / "a.exr").read_bytes() == apart.files["/a.exr"]
    assert talk.fetch(JOB, "/empty.png", str(tmp_path / "empty.png"))
    assert (tmp_path / "empty.png").read_bytes() == b""
    assert not talk.fetch(JOB, "/gone.exr", str(tmp_path / "gone.exr"))
    assert not talk.fetch(JOB, "/short.png", str(tmp_path / "short.png"))
    assert sorted(path.name for path in tmp_path.iterdir() if path.name not in {"home"}) == ["empty.png", "new"]
    talk.close()


def test_a_file_that_cannot_be_kept_is_told_and_what_follows_is_understood(apart, owner, tmp_path):
    apart.files = {"/a.exr": os.urandom(5_000)}
    (tmp_path / "file").write_text("no folder")
    talk = talk_with(apart, owner)
    with pytest.raises(RunFailed, match="could not be written"):
        talk.fetch(JOB, "/a.exr", str(tmp_path / "file" / "a.exr"))
    assert talk.fetch(JOB, "/a.exr", str(tmp_path / "a.exr"))
    talk.close()


def test_a_file_that_nobody_asked_for_ends_the_link(apart):
    link = Link(Endpoint(f"ws://127.0.0.1:{apart.port}/", TOKEN))
    link.start()
    link.wait(10)
    link.request("jobs.list", {})
    link.wait(10)
    apart._pour(apart._sockets[0], 7, b"x")
    assert link.wait(10).code == "LINK_NOT_UNDERSTOOD"


def test_files_that_come_are_no_more_in_memory_than_a_part(apart, tmp_path):
    """What is heard of a file is one message, when it is whole."""
    apart.files = {"/a.exr": os.urandom(300_000)}
    link = Link(Endpoint(f"ws://127.0.0.1:{apart.port}/", TOKEN))
    link.start()
    link.wait(10)
    number = link.fetch(JOB, "/a.exr", str(tmp_path / "a.exr"))
    assert link.wait(10) == Fetched(number)
    assert link.drain() == []
    link.close()


def packs_nothing(monkeypatch):
    """The packing itself is tried in a real Blender."""
    packed = []
    monkeypatch.setattr(
        "p2p_render.far_side.make_portable", lambda program, copy, _: packed.append((program, Path(copy).read_bytes())) or ()
    )
    return packed


def run_for(fake, tmp_path, **order):
    copy = tmp_path / "copies" / "1" / "s.blend"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(b"BLENDER")
    build = golden("reply.swarm.status")["result"]["thisComputer"]["blenders"][0]
    own = OwnBlender("/usr/bin/blender", build["version"], build["buildHash"])
    submission = {"scenePath": str(copy), "owned": True, "blender": "/usr/bin/blender", "cwd": "/home/mia", "source": "/home/mia/s.blend"}
    return SwarmRun(Order(place_of(fake), **{"submission": submission, "frames": (1,), "own": own, **order})), copy, build


def lead(fake, *events):
    def work():
        fake.asked("jobs.watch")
        for event in events:
            fake.event(event)

    threading.Thread(target=work, daemon=True).start()


def test_a_run_sends_its_copy_and_fetches_tiles_and_floats(apart, owner, tmp_path, monkeypatch):
    packed = packs_nothing(monkeypatch)
    apart.files = {TILE["path"]: b"tile", PICTURE["path"]: b"raw"}
    run, copy, build = run_for(apart, tmp_path)
    submitted = []
    apart.answers["jobs.submit"] = lambda submission: submitted.append(submission) or {"job": JOB}
    lead(apart, TILE)
    run.begin(owner)
    threading.Timer(0.5, lambda: (apart.event(WHOLE), apart.event(DONE))).start()
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
    assert apart.asked("jobs.release") == {"job": JOB, "frame": 1}


def test_a_tile_that_is_gone_is_no_error(apart, owner, tmp_path, monkeypatch):
    packs_nothing(monkeypatch)
    apart.files = {PICTURE["path"]: b"raw"}
    run, _, _ = run_for(apart, tmp_path)
    lead(apart, TILE, WHOLE, DONE)
    run.begin(owner)
    assert Path(run.picture("Scene", 1, owner)).read_bytes() == b"raw"
    assert owner.shown == []
    run.end(is_done=True)
    assert not list(arrivals.path_for("/x") and Path(arrivals.path_for("/x")).parent.iterdir())


def test_a_job_that_is_there_already_is_taken_up(apart, owner, tmp_path):
    apart.files = {PICTURE["path"]: b"raw"}
    apart.answers["jobs.watch"] = {"line": job_summary("complete"), "first": 0, "next": 0, "raw": [1], "outputs": []}
    apart.answers["jobs.raw"] = {"pictures": [PICTURE]}
    run, _, _ = run_for(apart, tmp_path, job=JOB, submission={})
    run.begin(owner)
    assert Path(run.picture("Scene", 1, owner)).read_bytes() == b"raw"
    run.hang_up()


def test_a_bridge_without_this_blender_is_told_before_anything_is_sent(apart, owner, tmp_path):
    run, copy, _ = run_for(apart, tmp_path, own=OwnBlender("/usr/bin/blender", "1.2.3", "Unknown"))
    with pytest.raises(RunFailed, match=r"has not this Blender 1\.2\.3"):
        run.begin(owner)
    assert apart.uploads == []
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
    assert same_as(OwnBlender("/b", "4.2.1", own), messages.Build("4.2.1", "0123456789ab")) is same
    assert not same_as(OwnBlender("/b", "4.2.2", own), messages.Build("4.2.1", "0123456789ab"))


def test_arrivals_lie_in_one_folder_that_goes(tmp_path):
    own = Arrivals()
    own.beside = str(tmp_path)
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
    assert plain_name(path) == name
    assert len(plain_name("/" + "ä" * 300 + ".blend").encode()) <= 255


def test_names_are_found_in_paths_of_any_system():
    assert [name_of(path) for path in ("/out/f_1.png", "C:\\out\\f_1.png", "C:/out/f_1.png")] == ["f_1.png"] * 3


def test_a_blender_that_cannot_pack_is_told(tmp_path):
    with pytest.raises(RunFailed, match="cannot be started"):
        portable.make_portable(str(tmp_path / "none"), str(tmp_path / "s.blend"), lambda: False)
    program = tmp_path / "blender"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint('it broke')\nsys.exit(1)\n")
    program.chmod(0o755)
    with pytest.raises(RunFailed, match="it broke"):
        portable.make_portable(str(program), str(tmp_path / "s.blend"), lambda: False)
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    with pytest.raises(Interrupted):
        portable.make_portable(str(program), str(tmp_path / "s.blend"), lambda: True)


def test_the_errors_of_a_run_are_those_of_its_conversation():
    assert (swarm_run.RunFailed, swarm_run.Interrupted) == (RunFailed, Interrupted)
