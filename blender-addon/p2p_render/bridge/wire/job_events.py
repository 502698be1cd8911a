# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens in a job, one class for each kind of event."""

from dataclasses import dataclass
from typing import Any, Literal

from .decoding import BadMessage, decode
from .records import JobSummary, Place, RawImage, Rect


@dataclass(frozen=True)
class Note:
    code: str
    message: str


@dataclass(frozen=True)
class DonorJoined:
    donor: str
    name: str
    slots: int
    local: bool


@dataclass(frozen=True)
class DonorAvailability:
    donor: str
    name: str
    open: bool
    reason: str | None = None


@dataclass(frozen=True)
class DonorLeft:
    donor: str
    name: str
    reason: str


@dataclass(frozen=True)
class DonorBanned:
    donor: str
    name: str
    reason: str


@dataclass(frozen=True)
class ChunkLeased:
    chunk: str
    donor: str
    attempt: int
    place: Place


@dataclass(frozen=True)
class ChunkStarted:
    chunk: str
    donor: str
    place: Place


@dataclass(frozen=True)
class ChunkWithdrawn:
    chunk: str
    donor: str
    reason: str


@dataclass(frozen=True)
class ChunkFailed:
    chunk: str
    donor: str
    code: str
    message: str


@dataclass(frozen=True)
class ChunkAccepted:
    chunk: str
    donor: str
    seconds: float
    bytes: float
    done: int
    total: int
    place: Place


@dataclass(frozen=True)
class ChunkRevoked:
    chunk: str
    place: Place


@dataclass(frozen=True)
class ChunkDead:
    chunk: str
    code: str
    message: str


@dataclass(frozen=True)
class Preview:
    path: str


@dataclass(frozen=True)
class Tile:
    """Raw pixels of a rectangle, in a file of that size; deleted once its frame is complete."""

    chunk: str
    donor: str
    scene: str
    frame: int
    rect: Rect
    region: Rect
    path: str


@dataclass(frozen=True)
class FrameRaw:
    """All raw pixels of a frame; the files stay until they are released."""

    frame: int
    pictures: tuple[RawImage, ...]


@dataclass(frozen=True)
class FrameFinished:
    frame: int
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class VideoProgress:
    message: str


@dataclass(frozen=True)
class FrameLost:
    """A frame that cannot be rendered in this run."""

    frame: int
    code: str
    message: str


@dataclass(frozen=True)
class MissingFrame:
    """A frame with missing output at the end of the job, and why."""

    frame: int
    files: tuple[str, ...]
    code: str
    message: str


@dataclass(frozen=True)
class JobEnded:
    outcome: Literal["complete", "incomplete", "cancelled", "failed"]
    outputs: tuple[str, ...]
    missing_files: tuple[str, ...]
    missing: tuple[MissingFrame, ...]
    missing_frames: int


@dataclass(frozen=True)
class JobSummaryChanged:
    summary: JobSummary


@dataclass(frozen=True)
class Progress:
    frames_done: int
    frames_total: int
    chunks_done: int
    chunks_total: int
    seconds_left: float | None


@dataclass(frozen=True)
class OtherEvent:
    """An event that the add-on does not use, or of a newer bridge."""

    event: str


@dataclass(frozen=True)
class JobEvent:
    """Something happened in a job; `seq` counts within the bridge's session."""

    job: str
    seq: int
    at: float
    event: Any


EVENTS: dict[str, Any] = {
    "note": Note,
    "donor-joined": DonorJoined,
    "donor-availability": DonorAvailability,
    "donor-left": DonorLeft,
    "donor-banned": DonorBanned,
    "chunk-leased": ChunkLeased,
    "chunk-started": ChunkStarted,
    "chunk-withdrawn": ChunkWithdrawn,
    "chunk-failed": ChunkFailed,
    "chunk-accepted": ChunkAccepted,
    "chunk-revoked": ChunkRevoked,
    "chunk-dead": ChunkDead,
    "preview": Preview,
    "tile": Tile,
    "frame-raw": FrameRaw,
    "frame-finished": FrameFinished,
    "frame-lost": FrameLost,
    "video-progress": VideoProgress,
    "job-ended": JobEnded,
    "job-summary": JobSummaryChanged,
    "progress": Progress,
}


def with_typed_event(message: JobEvent) -> JobEvent:
    """Decodes the event inside. Raises BadMessage."""
    name = message.event.get("event") if isinstance(message.event, dict) else None
    if not isinstance(name, str):
        raise BadMessage("an event has no name")
    event = decode(EVENTS[name], message.event, name) if name in EVENTS else OtherEvent(name)
    return JobEvent(message.job, message.seq, message.at, event)
