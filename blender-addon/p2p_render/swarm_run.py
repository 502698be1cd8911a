# SPDX-License-Identifier: GPL-2.0-or-later
"""One render of the engine, from its side: a job is submitted (or found again), its tiles and floats come.

Runs on Blender's render thread, which may wait; it has a connection of its own, so that it depends on
nobody else's turn. Nothing here knows Blender: the engine hands in what it shows things with, which has
`tile(tile)`, `progress(progress)`, `stats(text)` and `is_stopped()`.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from . import far_side
from . import messages as said
from .bridge_process import BridgeFailed, BridgeMissing, BridgePlace
from .builds import OwnBlender
from .conversation import Conversation, Interrupted, RunFailed, message_of
from .job_progress import JobProgress
from .link import Ended
from .run_files import FilesFetched, FilesHere

__all__ = ["Interrupted", "Order", "RunFailed", "SwarmRun"]


@dataclass(frozen=True)
class Order:
    """What is to be rendered, as plain values: a new wish, or a job that there is already."""

    place: BridgePlace
    submission: dict[str, Any] = field(default_factory=dict)
    frames: tuple[int, ...] = ()
    job: str | None = None
    # For a bridge that has another disk.
    own: OwnBlender = field(default_factory=OwnBlender)

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
        # The job as it stood when this run came to it.
        self.line = None
        self._show = UNSEEN
        self._talk = Conversation(order.place, self)
        self._files = FilesHere()
        # Tiles and frames that the bridge has told of, and that are not here yet.
        self._told = deque()
        self._pictures = {}
        self._tiles = []

    def picture(self, scene, frame, show):
        """The path of a frame's floats, once they are whole. Raises RunFailed, Interrupted."""
        self._show = show
        try:
            self._bring()
            while (scene, frame) not in self._pictures:
                for tile in self._take_tiles(scene, frame):
                    show.tile(tile)
                    self._files.forget({tile.path})
                self._talk.turn()
                self._bring()
        finally:
            self._show = UNSEEN
        return self._pictures[scene, frame].path

    def known_path(self, scene, frame):
        """The path, if the floats are there."""
        picture = self._pictures.get((scene, frame))
        return picture.path if picture else None

    def begin(self, show):
        """Connects and submits, or finds its job again. Raises RunFailed, Interrupted."""
        if self._talk.is_open:
            return
        self._show = show
        try:
            self._talk.connect()
            if self.job is None:
                self.job = self._talk.ask("jobs.submit", self._submission()).job
            if self._talk.is_apart:
                self._files = FilesFetched(self._talk, self.job)
            self._stand(self._talk.ask("jobs.watch", {"job": self.job, "from": 0}))
        except (BridgeMissing, BridgeFailed) as error:
            raise RunFailed(str(error)) from error
        finally:
            self._show = UNSEEN  # an engine that is held longer than its render is one that Blender has freed

    def _submission(self):
        submission = self.order.submission
        return far_side.submission_for(self._talk, submission, self.order.own, self) if self._talk.is_apart else submission

    def _take_tiles(self, scene, frame):
        """The tiles that have come for a frame since the last call."""
        taken = [tile for tile in self._tiles if (tile.scene, tile.frame) == (scene, frame)]
        self._tiles = [tile for tile in self._tiles if tile not in taken]
        return taken

    def release(self, frame):
        """The frame's floats are in Blender and may go."""
        gone = {picture.path for key, picture in self._pictures.items() if key[1] == frame}
        self._pictures = {key: picture for key, picture in self._pictures.items() if key[1] != frame}
        gone |= {tile.path for tile in self._tiles if tile.frame == frame}
        self._tiles = [tile for tile in self._tiles if tile.frame != frame]
        self._files.forget(gone - {picture.path for picture in self._pictures.values()})
        self._talk.tell("jobs.release", {"job": self.job, "frame": frame})

    def end(self, is_done):
        """Hangs up. A job that is done leaves the bridge's list; an interrupted one is cancelled."""
        if not self._talk.is_open:
            return
        if self.job is not None:
            self._talk.last_word("jobs.release" if is_done else "jobs.cancel", {"job": self.job})
        self.hang_up()

    def hang_up(self):
        """Leaves the job to itself."""
        self._talk.close()
        self._files.clear()

    def is_stopped(self):
        """Whether the artist wants no more of it."""
        return self._show.is_stopped()

    def stats(self, text):
        """A line for the artist."""
        self._show.stats(text)

    def _stand(self, report):
        """Takes in how a job stands that went on without us, and has it go on where it stopped."""
        self.line = report.line
        for frame in report.raw:
            self._told.append(said.FrameRaw(frame, self._talk.ask("jobs.raw", {"job": self.job, "frame": frame}).pictures))
        if report.line.is_ended and report.line.state != "complete":
            self._talk.ask("jobs.retry", {"job": self.job})

    def heard(self, message):
        """What the bridge says without being asked."""
        if isinstance(message, Ended):
            raise RunFailed("The bridge stopped in the middle of the render. What is rendered is kept: press Go On in the P2P panel.")
        if not isinstance(message, said.JobEvent) or message.job != self.job:
            return
        event = message.event
        self.progress.heard(event)
        if isinstance(event, said.Tile | said.FrameRaw):
            self._told.append(event)
        elif isinstance(event, said.JobSummaryChanged):
            self._line(event.line)
        self._show.progress(self.progress)

    def _bring(self):
        """What was told of is brought to where Blender can load it, whole frames first: their tiles are of no more use then."""
        while self._told:
            event = next((each for each in self._told if isinstance(each, said.FrameRaw)), self._told[0])
            self._told.remove(event)
            if isinstance(event, said.FrameRaw):
                for picture in event.pictures:
                    self._pictures[picture.scene, picture.frame] = self._files.picture(picture)
            elif (event.scene, event.frame) not in self._pictures:
                tile = self._files.tile(event)
                self._tiles += [tile] if tile else []

    def _line(self, line):
        if not line.is_ended:
            return
        if line.error is not None:
            raise RunFailed(message_of(line.error))
        if line.state == "cancelled":
            raise RunFailed("The job was cancelled.")
        there = {key[1] for key in self._pictures} | {
            picture.frame for event in self._told if isinstance(event, said.FrameRaw) for picture in event.pictures
        }
        missing = [frame for frame in self.order.frames if frame not in there]
        if line.state != "complete" and missing:
            raise RunFailed(
                f"The swarm could not render frame {missing[0]}: {self.progress.news[-1] if self.progress.news else 'see the job'}."
            )
