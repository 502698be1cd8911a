# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from p2p_render.job_book import MOST_ENTRIES, Entry, JobBook

ENTRY = Entry("/home/mia/lamp.blend", "Scene", 3, "STILL")


def test_a_job_is_remembered_by_the_next_blender(tmp_path):
    JobBook(tmp_path / "p2p" / "jobs.json").note("j", ENTRY)
    assert JobBook(tmp_path / "p2p" / "jobs.json").entry("j") == ENTRY


@pytest.mark.parametrize("text", ["", "[]", '{"j": {"source": 1}}', '{"j": 7}'])
def test_a_damaged_book_is_an_empty_one(tmp_path, text):
    (tmp_path / "jobs.json").write_text(text, "utf-8")
    book = JobBook(tmp_path / "jobs.json")
    assert book.entry("j") is None
    book.note("j", ENTRY)
    assert JobBook(tmp_path / "jobs.json").entry("j") == ENTRY


def test_a_place_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    book = JobBook(tmp_path / "file" / "jobs.json")
    book.note("j", ENTRY)
    assert book.entry("j") == ENTRY


def test_old_jobs_make_room(tmp_path):
    book = JobBook(tmp_path / "jobs.json")
    for number in range(MOST_ENTRIES + 10):
        book.note(str(number), ENTRY)
    assert book.entry("0") is None
    assert book.entry(str(MOST_ENTRIES + 9)) == ENTRY
