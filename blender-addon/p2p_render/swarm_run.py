# SPDX-License-Identifier: GPL-2.0-or-later
"""One render of the engine, from its side: a job is submitted (or found again), its tiles and floats come.

Runs on Blender's render thread, which may wait; it has a connection of its own, so that it depends on
nobody else's turn. Nothing here knows Blender: the engine hands in what it shows things with, which has
`tile(tile)`, `progress(progress)`, `stats(text)` and `is_stopped()`.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from . import messages as said
from .bridge_process import BridgeFailed, BridgeMissing, BridgePlace, StartedBridge, find_running
from .job_progress import JobProgress
from .link import Ended, Link

POLL_SECONDS = 0.1
START_SECONDS = 60
REPLY_SECONDS = 60


class RunFailed(Exception):
    """The render cannot go on; the message is for the artist."""


class Interrupted(Exception):
    """The artist has stopped the render."""


@dataclass(frozen=True)
class Order:
    """What is to be rendered, as plain values: a new wish, or a job that there is already."""

    place: BridgePlace
    wish: dict[str, Any] = field(default_factory=dict)
    frames: tuple[int, ...] = ()
    job: str | None = None

    def covers(self, frame):
        """Whether this order brings that frame."""
        return frame in self.frames


class Unseen:
    """Shows nothing."""

    def tile(self, tile):
        """Nobody looks."""

    def progress(self, progress):
        """Nobody looks."""

    def stats(self, text):
        """Nobody looks."""

    def is_stopped(self):
        """Nobody stops it."""
        return False


UNSEEN = Unseen()


class SwarmRun:
    """Use from one thread: `begin`, `picture` for each view layer and frame, then `end`."""

    def __init__(self, order):
        self.order = order
        self.job = order.job
        self.progress = JobProgress()
        self._show = UNSEEN
        self._link = None
        self._pictures = {}
        self._tiles = []

    def picture(self, scene, frame, show):
        """The path of a frame's floats, once they are whole. Raises RunFailed, Interrupted."""
        self._show = show
        try:
            while (scene, frame) not in self._pictures:
                for tile in self._take_tiles(scene, frame):
                    show.tile(tile)
                self._turn()
        finally:
            self._show = UNSEEN
        return self._pictures[scene, frame].path

    def known_path(self, scene, frame):
        """The path, if the floats are there."""
        picture = self._pictures.get((scene, frame))
        return picture.path if picture else None

    def begin(self, show):
        """Connects and submits, or finds its job again. Raises RunFailed, Interrupted."""
        if self._link is not None:
            return
        self._show = show
        try:
            self._connect()
            if self.job is None:
                self.job = self._ask("jobs.submit", self.order.wish).job
            self._stand(self._ask("jobs.watch", {"job": self.job, "from": 0}))
        except (BridgeMissing, BridgeFailed) as error:
            raise RunFailed(str(error)) from error
        finally:
            self._show = UNSEEN  # an engine that is held longer than its render is one that Blender has freed

    def _take_tiles(self, scene, frame):
        """The tiles that have come for a frame since the last call."""
        taken = [tile for tile in self._tiles if (tile.scene, tile.frame) == (scene, frame)]
        self._tiles = [tile for tile in self._tiles if tile not in taken]
        return taken

    def release(self, frame):
        """The frame's floats are in Blender and may go."""
        self._pictures = {key: picture for key, picture in self._pictures.items() if key[1] != frame}
        self._link.request("jobs.release", {"job": self.job, "frame": frame})

    def end(self, is_done):
        """Hangs up. A job that is done leaves the bridge's list; an interrupted one is cancelled."""
        if self._link is None:
            return
        if self.job is not None:
            number = self._link.request("jobs.release" if is_done else "jobs.cancel", {"job": self.job})
            self._hear_reply(number)
        self.hang_up()

    def hang_up(self):
        """Leaves the job to itself."""
        if self._link is not None:
            self._link.close()
            self._link.join(2)

    def _connect(self):
        """To the bridge that runs, or to one that is started."""
        endpoint = find_running(self.order.place)
        if endpoint is not None and self._try(endpoint):
            return
        self._show.stats("The bridge is started")
        started, deadline = StartedBridge(self.order.place), time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self._check_stopped()
            endpoint = started.endpoint()
            if endpoint is not None and self._try(endpoint):
                return
            time.sleep(POLL_SECONDS)
        raise RunFailed("The bridge was started and does not answer: look at Check in the add-on's preferences.")

    def _try(self, endpoint):
        """True when the bridge says welcome. Raises RunFailed when it says no."""
        link = Link(endpoint)
        link.start()
        first = link.wait(REPLY_SECONDS)
        if isinstance(first, said.Welcome):
            self._link = link
            return True
        refusal = first if isinstance(first, Ended) else link.wait(REPLY_SECONDS)
        link.close()
        if isinstance(refusal, Ended) and refusal.code != "LINK_LOST":
            raise RunFailed(refusal.sentence)
        return False

    def _ask(self, method, params):
        """Asks and waits for the answer; events that come meanwhile are heard. Raises RunFailed, Interrupted."""
        number = self._link.request(method, params)
        deadline = time.monotonic() + REPLY_SECONDS
        while time.monotonic() < deadline:
            self._check_stopped()
            message = self._link.wait(POLL_SECONDS)
            if isinstance(message, said.Failure) and message.id == number:
                raise RunFailed(sentence_of(message.error))
            if isinstance(message, said.Reply) and message.id == number:
                return said.parse_result(method, message.result)
            self._hear(message)
        raise RunFailed("The bridge does not answer.")

    def _stand(self, report):
        """Takes in how a job stands that went on without us, and has it go on where it stopped."""
        for frame in report.floats:
            self._keep(self._ask("jobs.floats", {"job": self.job, "frame": frame}).pictures)
        if report.line.is_ended and report.line.state != "complete":
            self._ask("jobs.retry", {"job": self.job})

    def _turn(self):
        """Waits a moment for what the bridge says next."""
        self._check_stopped()
        self._hear(self._link.wait(POLL_SECONDS))

    def _hear(self, message):
        if isinstance(message, Ended):
            raise RunFailed("The bridge stopped in the middle of the render. What is rendered is kept: press Go On in the P2P panel.")
        if not isinstance(message, said.JobEvent) or message.job != self.job:
            return
        event = message.event
        self.progress.heard(event)
        if isinstance(event, said.Tile):
            self._tiles.append(event)
        elif isinstance(event, said.FrameFloats):
            self._keep(event.pictures)
        elif isinstance(event, said.JobLineChanged):
            self._line(event.line)
        self._show.progress(self.progress)

    def _line(self, line):
        if not line.is_ended:
            return
        if line.error is not None:
            raise RunFailed(sentence_of(line.error))
        if line.state == "cancelled":
            raise RunFailed("The job was cancelled.")
        missing = [frame for frame in self.order.frames if not any(frame == key[1] for key in self._pictures)]
        if line.state != "complete" and missing:
            raise RunFailed(
                f"The swarm could not render frame {missing[0]}: {self.progress.news[-1] if self.progress.news else 'see the job'}."
            )

    def _keep(self, pictures):
        for picture in pictures:
            self._pictures[picture.scene, picture.frame] = picture

    def _check_stopped(self):
        if self._show.is_stopped():
            raise Interrupted

    def _hear_reply(self, number):
        """Waits until the bridge has heard our last wish."""
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            message = self._link.wait(POLL_SECONDS)
            if isinstance(message, Ended) or (isinstance(message, said.Reply | said.Failure) and message.id == number):
                return


def sentence_of(error):
    """An error of the bridge as one sentence or two."""
    return f"{error.message.rstrip('.')}. {error.advice}".strip()
