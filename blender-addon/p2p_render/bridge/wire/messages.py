# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bridge says, as values. The schema is the bridge's (bridge/gateway/wire/messages.ts); fixtures hold both sides to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ... import constants
from .decoding import BadMessage, decode
from .job_events import JobEvent, with_typed_event
from .records import ErrorBody, JobSummary, RawImage, SwarmStatus

# Parameters of a method, as the bridge's schema names them.
Params = Mapping[str, Any]


@dataclass(frozen=True)
class Welcome:
    """The bridge has accepted the connection."""

    protocol: int
    version: str
    pid: int
    home: str
    session: str


@dataclass(frozen=True)
class Refused:
    """The bridge has rejected the connection, which ends."""

    protocol: int
    error: ErrorBody


@dataclass(frozen=True)
class Reply:
    """The result of a request."""

    id: int
    result: Any


@dataclass(frozen=True)
class Failure:
    """The error of a request."""

    id: int
    error: ErrorBody


@dataclass(frozen=True)
class SwarmChanged:
    """Peers joined, left or changed."""

    status: SwarmStatus


@dataclass(frozen=True)
class JobReport:
    """The state of a job when the add-on begins to watch it."""

    summary: JobSummary
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
    fix: str | None


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
    """The number under which the parts of a file may be sent."""

    upload: int


@dataclass(frozen=True)
class Uploaded:
    """The upload is complete; where the file is on the bridge's computer."""

    scene_path: str


@dataclass(frozen=True)
class Download:
    """The number under which the parts of a file arrive, and its size."""

    download: int
    bytes: int


BridgeMessage = Welcome | Refused | Reply | Failure | SwarmChanged | JobEvent

MESSAGES: dict[str, Any] = {
    "welcome": Welcome,
    "refused": Refused,
    "reply": Reply,
    "failure": Failure,
    "swarm": SwarmChanged,
    "event": JobEvent,
}

# What each method returns, where the add-on uses it.
RESULTS: dict[str, Any] = {
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


def parse(text: str) -> BridgeMessage:
    """One message of the bridge. Raises BadMessage."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadMessage("the bridge sent something that is not JSON") from error
    kind = MESSAGES.get(str(value.get("type"))) if isinstance(value, dict) else None
    if kind is None:
        raise BadMessage("the bridge sent a message of an unknown type")
    message = decode(kind, value, value["type"])
    return with_typed_event(message) if isinstance(message, JobEvent) else message


def parse_result(method: str, result: Any) -> Any:
    """The result of a method as a value; a result that the add-on does not use stays as it is. Raises BadMessage."""
    return decode(RESULTS[method], result, method) if method in RESULTS else result


def hello(token: str) -> str:
    """Our first message."""
    client = {"name": "blender-addon", "version": constants.VERSION}
    return json.dumps({"type": "hello", "protocol": constants.PROTOCOL, "token": token, "client": client})


def request(number: int, method: str, params: Params) -> str:
    """A method call; its reply carries `number`."""
    return json.dumps({"type": "request", "id": number, "method": method, "params": params})
