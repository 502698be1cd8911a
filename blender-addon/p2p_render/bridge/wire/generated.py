# SPDX-License-Identifier: GPL-2.0-or-later
"""Made by `npm run messages` of the bridge's schemas (bridge/gateway/wire/): change those, not this."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from .decoding import AtLeast

Count = Annotated[int, AtLeast(0)]
Positive = Annotated[int, AtLeast(1)]


@dataclass(frozen=True)
class Welcome:
    protocol: int
    version: str
    pid: int
    home: str
    session: str


@dataclass(frozen=True)
class ErrorBody:
    code: str
    message: str
    advice: str


@dataclass(frozen=True)
class Refused:
    protocol: int
    error: ErrorBody


@dataclass(frozen=True)
class Reply:
    id: Count
    result: Any


@dataclass(frozen=True)
class Failure:
    id: Count
    error: ErrorBody


@dataclass(frozen=True)
class JobEvent:
    job: str
    seq: Count
    at: float
    event: Any


@dataclass(frozen=True)
class OfferedBuild:
    version: str
    build_hash: str
    backend: str


@dataclass(frozen=True)
class PeerSummary:
    peer: str
    name: str
    open: bool
    reason: str | None
    cores: Positive
    memory_bytes: Count
    load: float
    gpus: tuple[str, ...]
    slots: Count
    busy_slots: Count
    builds: tuple[OfferedBuild, ...]
    ping_ms: float | None


@dataclass(frozen=True)
class LocalBuild:
    version: str
    build_hash: str
    path: str


@dataclass(frozen=True)
class ThisComputer:
    name: str
    cores: Count
    memory_bytes: float
    blenders: tuple[LocalBuild, ...]


@dataclass(frozen=True)
class SwarmStatus:
    swarm: str
    peer_id: str | None
    peers: tuple[PeerSummary, ...]
    this_computer: ThisComputer


@dataclass(frozen=True)
class SwarmChanged:
    status: SwarmStatus


@dataclass(frozen=True)
class JobCreated:
    job: str
    scene: str
    blender: str
    frames: Count
    chunks: Count
    chunks_done: Count
    tiles: str | None = None


@dataclass(frozen=True)
class Note:
    code: str
    message: str


@dataclass(frozen=True)
class DonorJoined:
    donor: str
    name: str
    slots: Count
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
class SceneProgress:
    donor: str
    bytes_done: float
    bytes_total: float


@dataclass(frozen=True)
class Rect:
    x: Count
    y: Count
    width: Positive
    height: Positive


@dataclass(frozen=True)
class Place:
    scene: str
    frame: int
    rect: Rect | None


@dataclass(frozen=True)
class ChunkLeased:
    chunk: str
    donor: str
    attempt: Count
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
class ChunkChecked:
    chunk: str
    donor: str
    verdict: Literal["equal", "warned", "different"]


@dataclass(frozen=True)
class ChunkAccepted:
    chunk: str
    donor: str
    seconds: float
    bytes: float
    done: Count
    total: Count
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
class FrameLost:
    frame: int
    code: str
    message: str


@dataclass(frozen=True)
class Preview:
    path: str


@dataclass(frozen=True)
class Tile:
    chunk: str
    donor: str
    scene: str
    frame: int
    rect: Rect
    region: Rect
    path: str


@dataclass(frozen=True)
class RawImage:
    scene: str
    frame: int
    path: str
    width: Positive
    height: Positive
    region: Rect


@dataclass(frozen=True)
class FrameRaw:
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
class MissingFrame:
    code: str
    message: str
    frame: int
    files: tuple[str, ...]


@dataclass(frozen=True)
class StoppedBy:
    code: str
    message: str


@dataclass(frozen=True)
class JobStats:
    seconds: float
    frames_done: Count
    frames_total: Count
    chunks_done: Count
    chunks_total: Count
    chunks_checked: Count
    bytes_received: float
    bytes_sent: float
    chunks_by_donor: dict[str, Count]
    banned: tuple[str, ...]


@dataclass(frozen=True)
class JobEnded:
    job: str
    outcome: Literal["complete", "incomplete", "cancelled", "failed"]
    outputs: tuple[str, ...]
    missing_files: tuple[str, ...]
    missing: tuple[MissingFrame, ...]
    missing_frames: Count
    error: StoppedBy | None
    stats: JobStats


@dataclass(frozen=True)
class JobSummary:
    job: str
    title: str
    scene_path: str
    source: str | None
    state: Literal["queued", "preparing", "running", "paused", "stopping", "complete", "incomplete", "cancelled", "failed"]
    deliver: Literal["files", "raw"]
    created_at: float
    frames_done: Count
    frames_total: Count
    chunks_done: Count
    chunks_total: Count
    seconds_left: float | None
    error: ErrorBody | None


@dataclass(frozen=True)
class JobSummaryEvent:
    summary: JobSummary


@dataclass(frozen=True)
class Progress:
    frames_done: Count
    frames_total: Count
    chunks_done: Count
    chunks_total: Count
    seconds_left: float | None


@dataclass(frozen=True)
class SubmittedJob:
    job: str


@dataclass(frozen=True)
class JobList:
    jobs: tuple[JobSummary, ...]


@dataclass(frozen=True)
class JobReport:
    summary: JobSummary
    first: Count
    next: Count
    raw: tuple[int, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class RawImages:
    pictures: tuple[RawImage, ...]


@dataclass(frozen=True)
class SceneFinding:
    level: Literal["error", "warning", "info"]
    code: str
    message: str
    advice: str | None


@dataclass(frozen=True)
class SceneCheckFacts:
    scene: str
    engine: str
    width: Count
    height: Count
    samples: float
    frame_start: int
    frame_end: int
    frame_step: Count
    tiles: bool
    raw: bool
    blender: str
    files: Count


@dataclass(frozen=True)
class SceneCheck:
    findings: tuple[SceneFinding, ...]
    facts: SceneCheckFacts | None


@dataclass(frozen=True)
class Upload:
    upload: Count


@dataclass(frozen=True)
class Uploaded:
    scene_path: str


@dataclass(frozen=True)
class Download:
    download: Count
    bytes: Count


@dataclass(frozen=True)
class DoctorFinding:
    what: str
    ok: bool
    needed: bool
    detail: str
    fix: str | None


@dataclass(frozen=True)
class DoctorReport:
    findings: tuple[DoctorFinding, ...]


class JobSubmission(TypedDict, total=False):
    scenePath: str
    owned: bool
    title: str | None
    source: str | None
    blender: str | None
    scene: str | None
    output: str | None
    format: str | None
    useExtension: bool | None
    frameStart: int | None
    frameEnd: int | None
    frameStep: Positive | None
    animation: bool | None
    frames: str | None
    tiles: str | None
    verify: Literal["off", "spot", "full"] | None
    environment: str | None
    video: str | None
    cwd: str | None
    peers: Literal["all"] | list[str]
    local: bool
    deliver: Literal["files", "raw"]


FRAMES: dict[str, Any] = {
    "welcome": Welcome,
    "refused": Refused,
    "reply": Reply,
    "failure": Failure,
    "event": JobEvent,
    "swarm": SwarmChanged,
}

EVENTS: dict[str, Any] = {
    "job-created": JobCreated,
    "note": Note,
    "donor-joined": DonorJoined,
    "donor-availability": DonorAvailability,
    "donor-left": DonorLeft,
    "donor-banned": DonorBanned,
    "scene-progress": SceneProgress,
    "chunk-leased": ChunkLeased,
    "chunk-started": ChunkStarted,
    "chunk-withdrawn": ChunkWithdrawn,
    "chunk-failed": ChunkFailed,
    "chunk-checked": ChunkChecked,
    "chunk-accepted": ChunkAccepted,
    "chunk-revoked": ChunkRevoked,
    "chunk-dead": ChunkDead,
    "frame-lost": FrameLost,
    "preview": Preview,
    "tile": Tile,
    "frame-raw": FrameRaw,
    "frame-finished": FrameFinished,
    "video-progress": VideoProgress,
    "job-ended": JobEnded,
    "job-summary": JobSummaryEvent,
    "progress": Progress,
}

RESULTS: dict[str, Any] = {
    "swarm.status": SwarmStatus,
    "jobs.submit": SubmittedJob,
    "jobs.list": JobList,
    "jobs.watch": JobReport,
    "jobs.cancel": JobSummary,
    "jobs.pause": JobSummary,
    "jobs.resume": JobSummary,
    "jobs.retry": JobSummary,
    "jobs.raw": RawImages,
    "scene.check": SceneCheck,
    "files.put": Upload,
    "files.done": Uploaded,
    "files.get": Download,
    "bridge.doctor": DoctorReport,
}
