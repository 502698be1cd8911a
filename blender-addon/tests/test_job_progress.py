# SPDX-License-Identifier: GPL-2.0-or-later
from fake_bridge import job_summary

from p2p_render import messages as said
from p2p_render.from_json import read
from p2p_render.job_progress import NEWS_KEPT, JobProgress

PLACE = said.Place("Scene", 1, said.Rect(0, 0, 10, 10))


def fold(*events):
    progress = JobProgress()
    for event in events:
        progress.heard(event)
    return progress


def test_who_works_where_is_known_from_lease_to_acceptance():
    joined = said.DonorJoined("d", "studio", 2, False)
    progress = fold(joined, said.ChunkLeased("c", "d", 1, PLACE), said.ChunkStarted("c", "d", PLACE))
    assert progress.at_work == {"c": ("d", PLACE)}
    assert progress.working == ["studio"]
    progress.heard(said.ChunkAccepted("c", "d", 1.0, 9, 1, 4, PLACE))
    assert (progress.at_work, progress.chunks_done, progress.chunks_total, progress.donors["d"].done) == ({}, 1, 4, 1)


def test_what_is_sent_again_is_told_with_its_reason():
    progress = fold(
        said.DonorJoined("d", "studio", 2, False), said.ChunkLeased("c", "d", 1, PLACE), said.ChunkFailed("c", "d", "X", "out of memory")
    )
    assert progress.resent == 1
    assert progress.news == ["Sent again, studio failed: out of memory"]
    assert progress.at_work == {}


def test_a_cancelled_chunk_is_no_news():
    assert fold(said.ChunkFailed("c", "d", "CANCELLED", "")).news == []


def test_a_chunk_that_moved_on_is_not_taken_from_its_new_donor():
    progress = fold(said.ChunkLeased("c", "a", 1, PLACE), said.ChunkLeased("c", "b", 2, PLACE), said.ChunkFailed("c", "a", "X", "late"))
    assert progress.at_work["c"][0] == "b"


def test_the_end_is_known_and_a_retry_takes_it_back():
    ended = said.JobSummaryChanged(read(said.JobSummary, job_summary("cancelled")))
    again = said.JobSummaryChanged(read(said.JobSummary, job_summary("running")))
    assert fold(said.ChunkLeased("c", "a", 1, PLACE), ended).outcome == "cancelled"
    assert fold(said.ChunkLeased("c", "a", 1, PLACE), ended).at_work == {}
    assert fold(ended, again).outcome is None


def test_news_do_not_grow_without_end():
    assert len(fold(*[said.Note("n", str(number)) for number in range(50)]).news) == NEWS_KEPT
