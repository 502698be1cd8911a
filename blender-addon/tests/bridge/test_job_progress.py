# SPDX-License-Identifier: GPL-2.0-or-later
from fake_bridge import job_summary

from p2p_render.bridge.job_progress import LOG_LINES_KEPT, JobProgress
from p2p_render.bridge.wire import generated
from p2p_render.bridge.wire.decoding import decode

PLACE = generated.Place("Scene", 1, generated.Rect(0, 0, 10, 10))


def fold(*events: object) -> JobProgress:
    progress = JobProgress()
    for event in events:
        progress.apply(event)
    return progress


def test_a_chunk_is_active_from_its_lease_to_its_acceptance() -> None:
    joined = generated.DonorJoined("d", "studio", 2, False)
    progress = fold(joined, generated.ChunkLeased("c", "d", 1, PLACE), generated.ChunkStarted("c", "d", PLACE))
    assert progress.active_chunks == {"c": ("d", PLACE)}
    assert progress.active_donors == ["studio"]
    progress.apply(generated.ChunkAccepted("c", "d", 1.0, 9, 1, 4, PLACE))
    assert (progress.active_chunks, progress.chunks_done, progress.chunks_total, progress.donors["d"].done) == ({}, 1, 4, 1)


def test_a_chunk_that_is_rendered_again_is_logged_with_the_reason() -> None:
    progress = fold(
        generated.DonorJoined("d", "studio", 2, False),
        generated.ChunkLeased("c", "d", 1, PLACE),
        generated.ChunkFailed("c", "d", "X", "out of memory"),
    )
    assert progress.resent == 1
    assert progress.log == ["Rendering again, studio failed: out of memory"]
    assert progress.active_chunks == {}


def test_a_cancelled_chunk_is_not_logged() -> None:
    assert fold(generated.ChunkFailed("c", "d", "CANCELLED", "")).log == []


def test_a_late_failure_does_not_take_a_chunk_from_its_new_donor() -> None:
    progress = fold(
        generated.ChunkLeased("c", "a", 1, PLACE),
        generated.ChunkLeased("c", "b", 2, PLACE),
        generated.ChunkFailed("c", "a", "X", "late"),
    )
    assert progress.active_chunks["c"][0] == "b"


def test_the_outcome_is_known_at_the_end_and_cleared_by_a_retry() -> None:
    ended = generated.JobSummaryEvent(decode(generated.JobSummary, job_summary("cancelled")))
    again = generated.JobSummaryEvent(decode(generated.JobSummary, job_summary("running")))
    assert fold(generated.ChunkLeased("c", "a", 1, PLACE), ended).outcome == "cancelled"
    assert fold(generated.ChunkLeased("c", "a", 1, PLACE), ended).active_chunks == {}
    assert fold(ended, again).outcome is None


def test_the_log_has_a_limit() -> None:
    assert len(fold(*[generated.Note("n", str(number)) for number in range(50)]).log) == LOG_LINES_KEPT
