# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bridge says, as values. The schema is the bridge's (bridge/gateway/wire/messages.ts); fixtures hold both sides to it."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from . import names
from .from_json import BadMessage, read


@dataclass(frozen=True)
class ErrorBody:
    """Why something was not done, and what to do about it."""

    code: str
    message: str
    advice: str


@dataclass(frozen=True)
class Rect:
    """Pixels of the full frame, y up."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self):
        if min(self.x, self.y) < 0 or min(self.width, self.height) < 1:
            raise BadMessage("a rectangle is empty or outside its frame")


@dataclass(frozen=True)
class JobSummary:
    """A job as the bridge's list shows it."""

    job: str
    title: str
    scene_path: str
    source: str | None
    state: str
    deliver: str
    created_at: float
    frames_done: int
    frames_total: int
    chunks_done: int
    chunks_total: int
    seconds_left: float | None
    error: ErrorBody | None

    @property
    def is_ended(self):
        """Nothing of it runs anywhere."""
        return self.state in names.ENDED_STATES


@dataclass(frozen=True)
class Build:
    """A Blender that a peer has."""

    version: str
    build_hash: str
    backend: str = ""
    # Told of this computer's only.
    path: str = ""


@dataclass(frozen=True)
class PeerSummary:
    """A peer, and what it offers."""

    peer: str
    name: str
    open: bool
    reason: str | None
    cores: int
    memory_bytes: float
    load: float
    gpus: tuple[str, ...]
    slots: int
    busy_slots: int
    builds: tuple[Build, ...]
    ping_ms: float | None


@dataclass(frozen=True)
class ThisComputer:
    """The machine of the bridge."""

    name: str
    cores: int
    memory_bytes: float
    blenders: tuple[Build, ...]


@dataclass(frozen=True)
class SwarmStatus:
    """Who is there. Without a `peer_id` the bridge has no network and works alone."""

    swarm: str
    peer_id: str | None
    peers: tuple[PeerSummary, ...]
    this_computer: ThisComputer


@dataclass(frozen=True)
class Welcome:
    """The bridge takes us."""

    protocol: int
    version: str
    pid: int
    home: str
    session: str


@dataclass(frozen=True)
class Refused:
    """The bridge does not take us; the connection ends."""

    protocol: int
    error: ErrorBody


@dataclass(frozen=True)
class Reply:
    """What was asked for."""

    id: int
    result: Any


@dataclass(frozen=True)
class Failure:
    """What was asked for cannot be had."""

    id: int
    error: ErrorBody


@dataclass(frozen=True)
class SwarmChanged:
    """Peers came, went or changed."""

    status: SwarmStatus


@dataclass(frozen=True)
class Place:
    """Where a chunk lies; without `rect` it is the whole frame."""

    scene: str
    frame: int
    rect: Rect | None


@dataclass(frozen=True)
class RawImage:
    """An assembled picture that Blender may load."""

    scene: str
    frame: int
    path: str
    width: int
    height: int
    region: Rect


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
    """Floats of a rectangle, in a file of that size; gone when its frame is whole."""

    chunk: str
    donor: str
    scene: str
    frame: int
    rect: Rect
    region: Rect
    path: str


@dataclass(frozen=True)
class FrameRaw:
    """All floats of a frame are there until they are released."""

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
    """A frame that cannot be made in this run."""

    frame: int
    code: str
    message: str


@dataclass(frozen=True)
class MissingFrame:
    """A frame of which something is not there in the end, and why."""

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
    line: JobSummary


@dataclass(frozen=True)
class Progress:
    frames_done: int
    frames_total: int
    chunks_done: int
    chunks_total: int
    seconds_left: float | None


@dataclass(frozen=True)
class OtherEvent:
    """An event that is of no use here, or of a newer bridge."""

    event: str


@dataclass(frozen=True)
class JobEvent:
    """Something happened in a job; `seq` counts within the bridge's session."""

    job: str
    seq: int
    at: float
    event: Any


@dataclass(frozen=True)
class JobReport:
    """How a job stands when we begin to watch it."""

    line: JobSummary
    first: int
    next: int
    raw: tuple[int, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class SceneFinding:
    level: str
    code: str
    message: str
    advice: str | None


@dataclass(frozen=True)
class SceneCheck:
    findings: tuple[SceneFinding, ...]


@dataclass(frozen=True)
class DoctorLine:
    what: str
    ok: bool
    needed: bool
    detail: str
    mend: str | None


@dataclass(frozen=True)
class Doctor:
    findings: tuple[DoctorLine, ...]


@dataclass(frozen=True)
class JobList:
    jobs: tuple[JobSummary, ...]


@dataclass(frozen=True)
class JobNamed:
    job: str


@dataclass(frozen=True)
class Raw:
    pictures: tuple[RawImage, ...]


@dataclass(frozen=True)
class Upload:
    """A file may be sent under this number."""

    upload: int


@dataclass(frozen=True)
class Uploaded:
    """It is whole, and where it lies on the bridge's computer."""

    scene_path: str


@dataclass(frozen=True)
class Download:
    """So many bytes follow under this number."""

    download: int
    bytes: int


EVENTS = {
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

FRAMES = {"welcome": Welcome, "refused": Refused, "reply": Reply, "failure": Failure, "swarm": SwarmChanged, "event": JobEvent}

# What each method answers, where the answer is of use.
RESULTS = {
    "swarm.status": SwarmStatus,
    "jobs.submit": JobNamed,
    "jobs.list": JobList,
    "jobs.watch": JobReport,
    "jobs.cancel": JobSummary,
    "jobs.pause": JobSummary,
    "jobs.resume": JobSummary,
    "jobs.retry": JobSummary,
    "jobs.raw": Raw,
    "scene.check": SceneCheck,
    "bridge.doctor": Doctor,
    "files.put": Upload,
    "files.done": Uploaded,
    "files.get": Download,
}


def parse(text):
    """One frame of the bridge. Raises BadMessage."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadMessage("the bridge said something that is no JSON") from error
    kind = FRAMES.get(value.get("type")) if isinstance(value, dict) else None
    if kind is None:
        raise BadMessage("the bridge said something of an unknown kind")
    frame = read(kind, value, value["type"])
    return _with_event(frame) if isinstance(frame, JobEvent) else frame


def _with_event(frame):
    name = frame.event.get("event") if isinstance(frame.event, dict) else None
    if not isinstance(name, str):
        raise BadMessage("an event has no name")
    event = read(EVENTS[name], frame.event, name) if name in EVENTS else OtherEvent(name)
    return JobEvent(frame.job, frame.seq, frame.at, event)


def parse_result(method, result):
    """The result of a method as a value; what has no use is handed on as it is. Raises BadMessage."""
    return read(RESULTS[method], result, method) if method in RESULTS else result


def hello(token):
    """Our first frame."""
    client = {"name": "blender-addon", "version": names.VERSION}
    return json.dumps({"type": "hello", "protocol": names.PROTOCOL, "token": token, "client": client})


def request(number, method, params):
    """A question; its reply carries `number`."""
    return json.dumps({"type": "request", "id": number, "method": method, "params": params})
