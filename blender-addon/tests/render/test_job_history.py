# SPDX-License-Identifier: GPL-2.0-or-later
"""What this Blender remembers of its jobs."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from p2p_render.render.job_history import MAX_ENTRIES, HistoryEntry, JobHistory

ENTRY = HistoryEntry("/home/mia/lamp.blend", "Scene", 3, "STILL")


def opened(path: Path) -> JobHistory:
    history = JobHistory()
    history.open(path)
    return history


def test_a_job_is_remembered_by_the_next_blender(tmp_path: Path) -> None:
    opened(tmp_path / "p2p" / "jobs.json").add("j", ENTRY)
    assert opened(tmp_path / "p2p" / "jobs.json").entry("j") == ENTRY


def test_a_job_that_is_known_keeps_its_entry(tmp_path: Path) -> None:
    history = opened(tmp_path / "jobs.json")
    history.add("j", ENTRY)
    history.add("j", replace(ENTRY, frame=9))
    assert history.entry("j") == ENTRY


def test_a_download_counts_files_from_the_moment_it_was_added(tmp_path: Path) -> None:
    history = opened(tmp_path / "jobs.json")
    history.add_download("j", replace(ENTRY, folder="/out", folders=("/a", "/b")))
    entry = opened(tmp_path / "jobs.json").entry("j")
    assert entry is not None
    assert abs(entry.begun - time.time()) < 60
    assert entry.folders == ("/a", "/b")


@pytest.mark.parametrize("text", ["", "[]", '{"j": {"source": 1}}', '{"j": 7}'])
def test_a_damaged_file_counts_as_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "jobs.json").write_text(text, "utf-8")
    history = opened(tmp_path / "jobs.json")
    assert history.entry("j") is None
    history.add("j", ENTRY)
    assert opened(tmp_path / "jobs.json").entry("j") == ENTRY


def test_a_file_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    history = opened(tmp_path / "file" / "jobs.json")
    history.add("j", ENTRY)
    assert history.entry("j") == ENTRY


def test_the_oldest_jobs_are_dropped(tmp_path: Path) -> None:
    history = opened(tmp_path / "jobs.json")
    for number in range(MAX_ENTRIES + 10):
        history.add(str(number), ENTRY)
    assert history.entry("0") is None
    assert history.entry(str(MAX_ENTRIES + 9)) == ENTRY
