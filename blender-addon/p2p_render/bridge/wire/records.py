# SPDX-License-Identifier: GPL-2.0-or-later
"""What several messages carry: jobs, peers, rectangles, errors."""

from dataclasses import dataclass

from ... import constants
from .decoding import BadMessage


@dataclass(frozen=True)
class ErrorBody:
    """Why something was not done, and what to do about it."""

    code: str
    message: str
    advice: str

    @property
    def text(self) -> str:
        """Message and advice as sentences for the user."""
        return f"{self.message.rstrip('.')}. {self.advice}".strip()


@dataclass(frozen=True)
class Rect:
    """Pixels of the full frame, y up."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
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
    def is_ended(self) -> bool:
        """Nothing of it runs anywhere any more."""
        return self.state in constants.ENDED_STATES


@dataclass(frozen=True)
class Build:
    """A Blender that a peer has."""

    version: str
    build_hash: str
    backend: str = ""
    # Known only for the bridge's own computer.
    path: str = ""


@dataclass(frozen=True)
class PeerSummary:
    """A peer and what it offers."""

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
    """Who is in the swarm. Without a `peer_id` the bridge has no network and works alone."""

    swarm: str
    peer_id: str | None
    peers: tuple[PeerSummary, ...]
    this_computer: ThisComputer


@dataclass(frozen=True)
class Place:
    """Which part of which frame a chunk covers; without `rect` the whole frame."""

    scene: str
    frame: int
    rect: Rect | None


@dataclass(frozen=True)
class RawImage:
    """An assembled frame, as an OpenEXR file that Blender can load."""

    scene: str
    frame: int
    path: str
    width: int
    height: int
    region: Rect
