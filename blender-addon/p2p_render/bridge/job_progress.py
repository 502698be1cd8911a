# SPDX-License-Identifier: GPL-2.0-or-later
"""The progress of a job, computed from its events: what the panel, the status bar and the overlay show."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .wire import generated
from .wire.derived import is_ended

LOG_LINES_KEPT = 6
# Codes of failed chunks that are not worth a line in the log.
SILENT_CODES = frozenset({"CANCELLED"})


@dataclass
class Donor:
    """A peer that works on the job."""

    name: str
    slots: int = 1
    local: bool = False
    done: int = 0
    state: str = "available"


@dataclass
class JobProgress:
    """Changed by `apply` only."""

    chunks_done: int = 0
    chunks_total: int = 0
    frames_done: int = 0
    frames_total: int = 0
    seconds_left: float | None = None
    # The share of denoising that is done while an assembled frame is denoised.
    denoising: float | None = None
    # Chunks that had to be rendered again.
    resent: int = 0
    preview: str | None = None
    outcome: str | None = None
    outputs: tuple[str, ...] = ()
    donors: dict[str, Donor] = field(default_factory=dict)
    # chunk -> (donor, place), of the chunks that are being rendered.
    active_chunks: dict[str, tuple[str, generated.Place]] = field(default_factory=dict)
    # The last messages for the user: what was rendered again and why.
    log: list[str] = field(default_factory=list)

    def apply(self, event: object) -> None:
        """Takes an event into account."""
        handle = HANDLERS.get(type(event))
        if handle is not None:
            handle(self, event)

    def name_of(self, donor: str) -> str:
        """A donor's name for the user."""
        known = self.donors.get(donor)
        return known.name if known else donor[-8:]

    @property
    def active_donors(self) -> list[str]:
        """Names of the donors that are rendering, each once."""
        return list(dict.fromkeys(self.name_of(donor) for donor, _ in self.active_chunks.values()))

    def add_to_log(self, message: str) -> None:
        """Older lines are dropped."""
        self.log.append(message)
        del self.log[:-LOG_LINES_KEPT]


def _donor_joined(progress: JobProgress, event: generated.DonorJoined) -> None:
    progress.donors[event.donor] = Donor(event.name, event.slots, event.local)


def _availability_changed(progress: JobProgress, event: generated.DonorAvailability) -> None:
    donor = progress.donors.setdefault(event.donor, Donor(event.name))
    donor.state = "available" if event.open else "paused"
    if not event.open:
        progress.add_to_log(f"{event.name} paused: {event.reason or 'stopped by its owner'}")


def _donor_left(progress: JobProgress, event: generated.DonorLeft) -> None:
    donor = progress.donors.setdefault(event.donor, Donor(event.name))
    donor.state = "gone"
    if event.reason != "the job has ended":
        progress.add_to_log(f"{event.name} left: {event.reason}")


def _donor_banned(progress: JobProgress, event: generated.DonorBanned) -> None:
    progress.donors.setdefault(event.donor, Donor(event.name)).state = "banned"
    progress.add_to_log(f"{event.name} is excluded: {event.reason}")


def _chunk_assigned(progress: JobProgress, event: generated.ChunkLeased | generated.ChunkStarted) -> None:
    progress.active_chunks[event.chunk] = (event.donor, event.place)


def _chunk_accepted(progress: JobProgress, event: generated.ChunkAccepted) -> None:
    progress.active_chunks.pop(event.chunk, None)
    progress.chunks_done, progress.chunks_total = event.done, event.total
    progress.donors.setdefault(event.donor, Donor(progress.name_of(event.donor))).done += 1


def _denoising(progress: JobProgress, event: generated.FrameDenoising) -> None:
    progress.denoising = event.share if event.share < 1 else None


def _chunk_withdrawn(progress: JobProgress, event: generated.ChunkWithdrawn | generated.ChunkFailed) -> None:
    if progress.active_chunks.get(event.chunk, ("",))[0] == event.donor:
        del progress.active_chunks[event.chunk]


def _chunk_failed(progress: JobProgress, event: generated.ChunkFailed) -> None:
    _chunk_withdrawn(progress, event)
    if event.code not in SILENT_CODES:
        progress.resent += 1
        progress.add_to_log(f"Rendering again, {progress.name_of(event.donor)} failed: {event.message}")


def _result_revoked(progress: JobProgress, event: generated.ChunkRevoked) -> None:
    progress.resent += 1
    progress.add_to_log(f"Rendering again: a result of frame {event.place.frame} was wrong")


def _chunk_given_up(progress: JobProgress, event: generated.ChunkDead) -> None:
    progress.add_to_log(f"Given up: {event.message}")


def _note_added(progress: JobProgress, event: generated.Note) -> None:
    progress.add_to_log(event.message)


def _counts_changed(progress: JobProgress, event: generated.Progress | generated.JobSummary) -> None:
    progress.frames_done, progress.frames_total = event.frames_done, event.frames_total
    progress.chunks_done, progress.chunks_total = event.chunks_done, event.chunks_total
    progress.seconds_left = event.seconds_left


def _summary_changed(progress: JobProgress, event: generated.JobSummaryEvent) -> None:
    _counts_changed(progress, event.summary)
    if is_ended(event.summary):
        progress.outcome = event.summary.state
        progress.active_chunks.clear()
    else:
        progress.outcome = None


def _preview_written(progress: JobProgress, event: generated.Preview) -> None:
    progress.preview = event.path


def _frame_finished(progress: JobProgress, event: generated.FrameFinished) -> None:
    progress.outputs = tuple(dict.fromkeys((*progress.outputs, *event.outputs)))  # known files may be announced again


def _frame_lost(progress: JobProgress, event: generated.FrameLost) -> None:
    progress.add_to_log(f"Frame {event.frame} cannot be rendered: {event.message}")


def _job_ended(progress: JobProgress, event: generated.JobEnded) -> None:
    progress.outputs = event.outputs
    if event.missing_frames:
        first = event.missing[0]
        more = f" (and {event.missing_frames - 1} more)" if event.missing_frames > 1 else ""
        progress.add_to_log(f"Frame {first.frame}{more} is missing: {first.message}")
    progress.active_chunks.clear()


HANDLERS: dict[type, Callable[[JobProgress, Any], None]] = {
    generated.DonorJoined: _donor_joined,
    generated.DonorAvailability: _availability_changed,
    generated.DonorLeft: _donor_left,
    generated.DonorBanned: _donor_banned,
    generated.ChunkLeased: _chunk_assigned,
    generated.ChunkStarted: _chunk_assigned,
    generated.ChunkAccepted: _chunk_accepted,
    generated.ChunkWithdrawn: _chunk_withdrawn,
    generated.ChunkFailed: _chunk_failed,
    generated.ChunkRevoked: _result_revoked,
    generated.ChunkDead: _chunk_given_up,
    generated.FrameDenoising: _denoising,
    generated.FrameLost: _frame_lost,
    generated.Note: _note_added,
    generated.Progress: _counts_changed,
    generated.JobSummaryEvent: _summary_changed,
    generated.Preview: _preview_written,
    generated.FrameFinished: _frame_finished,
    generated.JobEnded: _job_ended,
}
