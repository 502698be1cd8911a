# SPDX-License-Identifier: GPL-2.0-or-later
"""Uploads and downloads over a real socket."""

import hashlib
import os
from pathlib import Path

import pytest
from fake_bridge import JOB, TOKEN, FakeBridge
from remote_clients import Owner, connected_client
from time_limit import time_limit

from p2p_render.bridge.blocking_client import Interrupted, OperationFailed
from p2p_render.bridge.discovery import Endpoint
from p2p_render.bridge.file_transfer import FileReceived
from p2p_render.bridge.websocket_thread import BridgeConnection, ConnectionEnded

LIMIT = time_limit(60)


def test_an_upload_is_sent_in_parts_and_returns_its_remote_path(remote: FakeBridge, owner: Owner, tmp_path: Path) -> None:
    data, scene = os.urandom(1_000_000), tmp_path / "lämp.blend"
    scene.write_bytes(data)
    client = connected_client(remote, owner)
    assert client.is_remote
    assert client.upload(str(scene)) == "C:\\p2p\\uploads\\1\\lämp.blend"
    assert remote.asked("files.put") == {"name": "lämp.blend", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert remote.uploads == [("lämp.blend", data)]
    client.close()


def test_an_upload_that_fails_is_reported(remote: FakeBridge, owner: Owner, tmp_path: Path) -> None:
    (tmp_path / "s.blend").write_bytes(b"BLENDER")
    remote.answers["files.done"] = {"failure": {"code": "DISK_FULL", "message": "no space is left", "advice": "Make room."}}
    with pytest.raises(OperationFailed, match=r"no space is left\. Make room\."):
        connected_client(remote, owner).upload(str(tmp_path / "s.blend"))
    with pytest.raises(OperationFailed, match="cannot be read"):
        connected_client(remote, owner).upload(str(tmp_path / "none.blend"))


def test_an_upload_can_be_stopped(remote: FakeBridge, owner: Owner, tmp_path: Path) -> None:
    (tmp_path / "s.blend").write_bytes(b"BLENDER")
    client, owner.stopped = connected_client(remote, owner), True
    with pytest.raises(Interrupted):
        client.upload(str(tmp_path / "s.blend"))


def test_a_download_is_complete_or_leaves_no_file(remote: FakeBridge, owner: Owner, tmp_path: Path) -> None:
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


def test_a_download_that_cannot_be_written_is_reported_and_the_next_one_works(
    remote: FakeBridge, owner: Owner, tmp_path: Path
) -> None:
    remote.files = {"/a.exr": os.urandom(5_000)}
    (tmp_path / "file").write_text("no folder")
    client = connected_client(remote, owner)
    with pytest.raises(OperationFailed, match="could not be written"):
        client.download(JOB, "/a.exr", str(tmp_path / "file" / "a.exr"))
    assert client.download(JOB, "/a.exr", str(tmp_path / "a.exr"))
    client.close()


def test_a_file_that_was_not_requested_ends_the_connection(remote: FakeBridge) -> None:
    connection = BridgeConnection(Endpoint(f"ws://127.0.0.1:{remote.port}/", TOKEN))
    connection.start()
    connection.wait(LIMIT)
    connection.request("jobs.list", {})
    connection.wait(LIMIT)
    remote._pour(remote._sockets[0], 7, b"x")
    ended = connection.wait(LIMIT)
    assert isinstance(ended, ConnectionEnded)
    assert ended.code == "CONNECTION_PROTOCOL_ERROR"


def test_a_download_is_one_message_however_many_parts_it_has(remote: FakeBridge, tmp_path: Path) -> None:
    remote.files = {"/a.exr": os.urandom(300_000)}
    connection = BridgeConnection(Endpoint(f"ws://127.0.0.1:{remote.port}/", TOKEN))
    connection.start()
    connection.wait(LIMIT)
    number = connection.fetch(JOB, "/a.exr", str(tmp_path / "a.exr"))
    assert connection.wait(LIMIT) == FileReceived(number)
    assert connection.drain() == []
    connection.close()
