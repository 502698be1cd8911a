# SPDX-License-Identifier: GPL-2.0-or-later
"""One render of the engine: a job is submitted (or found again), its tiles and frames are received.

Runs on Blender's render thread, which may block, with a connection of its own: it does not depend on the timer. Nothing here
imports bpy; the engine passes in the display.
"""

from collections import deque

from ..bridge.blocking_client import BlockingClient, Interrupted, OperationFailed
from ..bridge.bridge_process import BridgeFailed, BridgeMissing
from ..bridge.job_progress import JobProgress
from ..bridge.render_request import RenderRequest
from ..bridge.websocket_thread import ConnectionEnded, Received
from ..bridge.wire.derived import error_text, is_ended
from ..bridge.wire.generated import FrameRaw, JobEvent, JobReport, JobSubmission, JobSummary, JobSummaryEvent, RawImage, Tile
from ..remote import remote_bridge
from .render_display import NULL_DISPLAY, RenderDisplay
from .tile_files import DownloadedFiles, SharedFiles, TileFiles

__all__ = ["Interrupted", "OperationFailed", "SwarmRun"]


class SwarmRun:
    """Use from one thread: `begin`, `picture` for each view layer and frame, then `end`."""

    def __init__(self, request: RenderRequest) -> None:
        self.request = request
        self.job = request.job
        self.progress = JobProgress()
        # The state of the job when this run began.
        self.summary: JobSummary | None = None
        self._display: RenderDisplay = NULL_DISPLAY
        self._client = BlockingClient(request.settings, self)
        self._files: TileFiles = SharedFiles()
        # Tiles and frames that the bridge has announced and that were not made readable yet.
        self._announced: deque[Tile | FrameRaw] = deque()
        self._pictures: dict[tuple[str, int], RawImage] = {}
        self._tiles: list[Tile] = []

    def begin(self, display: RenderDisplay) -> None:
        """Connects, and submits its job or finds it again. Raises OperationFailed, Interrupted."""
        if self._client.is_open:
            return
        self._display = display
        try:
            self._client.connect()
            job = self.job if self.job is not None else self._client.request("jobs.submit", self._submission()).job
            self.job = job
            if self._client.is_remote:
                self._files = DownloadedFiles(self._client, job)
            self._take_up(job, self._client.request("jobs.watch", {"job": job, "from": 0}))
        except (BridgeMissing, BridgeFailed) as error:
            raise OperationFailed(str(error)) from error
        finally:
            self._display = NULL_DISPLAY  # Blender frees the engine after its render: it must not be referenced then

    def picture(self, scene: str, frame: int, display: RenderDisplay) -> str:
        """The path of a frame's raw pixels, once they are complete. Raises OperationFailed, Interrupted."""
        self._display = display
        try:
            self._receive_files()
            while (scene, frame) not in self._pictures:
                for tile in self._take_tiles(scene, frame):
                    display.tile(tile)
                    self._files.discard({tile.path})
                self._client.receive_next()
                self._receive_files()
        finally:
            self._display = NULL_DISPLAY
        return self._pictures[scene, frame].path

    def known_path(self, scene: str, frame: int) -> str | None:
        """The path of a frame, if it is complete."""
        picture = self._pictures.get((scene, frame))
        return picture.path if picture else None

    def release(self, frame: int) -> None:
        """Blender has loaded the frame: its files can be deleted."""
        unused = {picture.path for key, picture in self._pictures.items() if key[1] == frame}
        self._pictures = {key: picture for key, picture in self._pictures.items() if key[1] != frame}
        unused |= {tile.path for tile in self._tiles if tile.frame == frame}
        self._tiles = [tile for tile in self._tiles if tile.frame != frame]
        self._files.discard(unused - {picture.path for picture in self._pictures.values()})
        self._client.notify("jobs.release", {"job": self.job, "frame": frame})

    def end(self, is_done: bool) -> None:
        """Disconnects. A job that is done is removed from the bridge's list; an interrupted one is cancelled."""
        if not self._client.is_open:
            return
        if self.job is not None:
            self._client.request_last("jobs.release" if is_done else "jobs.cancel", {"job": self.job})
        self.disconnect()

    def disconnect(self) -> None:
        """The job goes on."""
        self._client.close()
        self._files.clear()

    # As the owner of the client:

    def is_stopped(self) -> bool:
        return self._display.is_stopped()

    def status(self, text: str) -> None:
        self._display.status(text)

    def received(self, message: Received) -> None:
        if isinstance(message, ConnectionEnded):
            raise OperationFailed(
                "The bridge stopped in the middle of the render. What is rendered is kept: press Resume in the Render on P2P panel."
            )
        if not isinstance(message, JobEvent) or message.job != self.job:
            return
        event = message.event
        self.progress.apply(event)
        if isinstance(event, Tile | FrameRaw):
            self._announced.append(event)
        elif isinstance(event, JobSummaryEvent):
            self._check_ended(event.summary)
        self._display.progress(self.progress)

    def _submission(self) -> JobSubmission:
        submission = self.request.submission
        if not self._client.is_remote:
            return submission
        uploaded, _ = remote_bridge.upload_submission(self._client, submission, self.request.local_blender, self)
        return uploaded

    def _take_up(self, job: str, report: JobReport) -> None:
        """Frames of an existing job may be complete already; if it has ended early, it is resumed."""
        self.summary = report.summary
        for frame in report.raw:
            pictures = self._client.request("jobs.raw", {"job": job, "frame": frame}).pictures
            self._announced.append(FrameRaw(frame, pictures))
        if is_ended(report.summary) and report.summary.state != "complete":
            self._client.request("jobs.retry", {"job": job})

    def _take_tiles(self, scene: str, frame: int) -> list[Tile]:
        """The tiles of a frame that were received since the last call."""
        taken = [tile for tile in self._tiles if (tile.scene, tile.frame) == (scene, frame)]
        self._tiles = [tile for tile in self._tiles if tile not in taken]
        return taken

    def _receive_files(self) -> None:
        """Makes what was announced readable, complete frames first: their tiles are not needed any more."""
        while self._announced:
            event = next((each for each in self._announced if isinstance(each, FrameRaw)), self._announced[0])
            self._announced.remove(event)
            if isinstance(event, FrameRaw):
                for picture in event.pictures:
                    self._pictures[picture.scene, picture.frame] = self._files.picture(picture)
            elif (event.scene, event.frame) not in self._pictures:
                tile = self._files.tile(event)
                self._tiles += [tile] if tile else []

    def _check_ended(self, summary: JobSummary) -> None:
        """Raises OperationFailed when the job has ended without all frames."""
        if not is_ended(summary):
            return
        if summary.error is not None:
            raise OperationFailed(error_text(summary.error))
        if summary.state == "cancelled":
            raise OperationFailed("The job was cancelled.")
        complete = {frame for _, frame in self._pictures}
        complete |= {picture.frame for event in self._announced if isinstance(event, FrameRaw) for picture in event.pictures}
        missing = [frame for frame in self.request.frames if frame not in complete]
        if summary.state != "complete" and missing:
            reason = self.progress.log[-1] if self.progress.log else "see the job"
            raise OperationFailed(f"The swarm could not render frame {missing[0]}: {reason}.")
