# SPDX-License-Identifier: GPL-2.0-or-later
"""Finished files of a bridge that has another disk, and the threads that may wait, over a real socket."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_bridge import JOB, TOKEN, FakeBridge
from time_limit import until

from p2p_render.bridge.discovery import BridgeSettings
from p2p_render.remote.output_downloader import DOWNLOADED, GONE, PRESENT, OutputDownload, OutputDownloader

REMOTE_FOLDER = "C:\\p2p\\uploads\\1\\out\\"


@pytest.fixture
def output_downloader() -> Iterator[OutputDownloader]:
    own = OutputDownloader()
    yield own
    own.close()


def wanted(fake: FakeBridge, folder: Path, name: str, **changes: Any) -> OutputDownload:
    settings = BridgeSettings(address=f"127.0.0.1:{fake.port}", token=TOKEN)
    given = {"since": time.time() - 1, "overwrite": True, **changes}
    return OutputDownload(settings, JOB, REMOTE_FOLDER + name, str(folder / name), **given)


def settled(output_downloader: OutputDownloader, count: int) -> list[str]:
    def outcomes() -> list[str]:
        return [outcome for outcome in output_downloader.outcomes(JOB).values() if outcome is not None]

    def look() -> bool:
        output_downloader.update()
        return len(outcomes()) == count

    until(look, lambda: output_downloader.outcomes(JOB))
    return outcomes()


def test_each_file_is_downloaded_once(fake: FakeBridge, output_downloader: OutputDownloader, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "shots"
    fake.files = {REMOTE_FOLDER + f"shot_{number}.png": os.urandom(3000) for number in range(5)}
    for _ in range(2):
        for number in range(5):
            output_downloader.enqueue(wanted(fake, folder, f"shot_{number}.png"))
    assert settled(output_downloader, 5) == [DOWNLOADED] * 5
    for path, data in fake.files.items():
        assert (folder / path.rpartition("\\")[2]).read_bytes() == data
    asked = 0
    while not fake.requests.empty():
        asked += fake.requests.get()[0] == "files.get"
    assert asked == 5


def test_present_files_are_not_downloaded_and_older_ones_replaced_only_if_allowed(
    fake: FakeBridge, output_downloader: OutputDownloader, tmp_path: Path
) -> None:
    fake.files = {REMOTE_FOLDER + name: b"new" for name in ("mine.png", "old.png", "kept.png")}
    for name in ("mine.png", "old.png", "kept.png"):
        (tmp_path / name).write_bytes(b"there")
        if name != "mine.png":
            os.utime(tmp_path / name, (1000, 1000))
    output_downloader.enqueue(wanted(fake, tmp_path, "mine.png"))
    output_downloader.enqueue(wanted(fake, tmp_path, "old.png"))
    output_downloader.enqueue(wanted(fake, tmp_path, "kept.png", overwrite=False))
    assert settled(output_downloader, 3) == [PRESENT, DOWNLOADED, PRESENT]
    assert [(tmp_path / name).read_bytes() for name in ("mine.png", "old.png", "kept.png")] == [b"there", b"new", b"there"]


def test_a_file_that_cannot_be_written_is_tried_again_and_a_deleted_one_is_not(
    fake: FakeBridge, output_downloader: OutputDownloader, tmp_path: Path
) -> None:
    fake.files = {REMOTE_FOLDER + "a.png": b"a"}
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


def test_a_download_that_a_dead_bridge_interrupted_is_repeated_with_the_next_bridge(
    fake: FakeBridge, output_downloader: OutputDownloader, tmp_path: Path
) -> None:
    fake.files = {REMOTE_FOLDER + "a.png": b"a", REMOTE_FOLDER + "b.png": b"b"}
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
