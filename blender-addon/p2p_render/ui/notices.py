# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports how jobs ended: a line in the status bar and the panel, and for files a small menu of what to do with them."""

import time
from pathlib import Path
from typing import Any, Literal

import bpy

from ..bridge.bridge_client import BridgeClient
from ..bridge.tracked_jobs import TrackedJob
from ..formatting import count
from ..properties import settings_of
from ..render.job_history import FILES, job_history
from ..render.render_handoff import render_handoff
from ..render.swarm_run import SwarmRun
from .job_button import draw_job_button
from .windows import open_windows, window_manager

SHOWN_SECONDS = 30
Icon = Literal["INFO", "CHECKMARK", "CANCEL", "ERROR"]


class Notice:
    """The line that is shown now."""

    def __init__(self) -> None:
        self.text = ""
        self.icon: Icon = "INFO"
        self.changed = False
        self._until = 0.0

    def show(self, text: str, icon: Icon = "INFO") -> None:
        self.text, self.icon, self._until = text, icon, time.monotonic() + SHOWN_SECONDS
        self.changed = True

    def show_error(self, text: str) -> None:
        self.show(text, "ERROR")

    def update(self) -> None:
        """Hides a line that was shown long enough."""
        if self.text and time.monotonic() > self._until:
            self.text, self.changed = "", True


notice = Notice()


def job_ended(job: TrackedJob) -> None:
    """The bridge has reported the end of a job."""
    summary = job.summary
    if summary.state == "cancelled":
        notice.show(f"The swarm has stopped: {summary.title}", "CANCEL")
    elif summary.state == "complete" and summary.deliver == "raw":
        if not render_handoff.is_rendering and summary.job != render_handoff.delivered:
            notice.show(f"Ready to be shown: {summary.title}", "CHECKMARK")
    elif summary.state == "complete":
        _files_made(job)
    elif summary.error is not None:
        notice.show_error(f"{summary.title}: {summary.error.message}")
    else:
        notice.show_error(f"{summary.title}: {summary.frames_done} of {count(summary.frames_total, 'frame')} could be rendered")


def _files_made(job: TrackedJob) -> None:
    entry = job_history.entry(job.summary.job)
    if entry is not None and entry.folder:
        notice.show(f"Done, downloading its files: {job.summary.title}", "CHECKMARK")
    else:
        files_ready(job, job.progress.outputs)


def picture_rendered(run: SwarmRun, client: BridgeClient) -> None:
    """A render of this Blender has ended successfully."""
    client.refresh_list()  # the job was released
    job = client.jobs.get(run.job) if run.job is not None else None
    title = job.summary.title if job else run.request.submission.get("title", "the picture")
    notice.show(f"Done: {title}", "CHECKMARK")


def files_ready(job: TrackedJob, outputs: tuple[str, ...]) -> None:
    """All files of the job are on this computer, at these paths."""
    name, title = job.summary.job, job.summary.title
    entry = job_history.entry(name)
    notice.show(f"Done: {title}", "CHECKMARK")
    windows = open_windows()
    if bpy.app.background or not windows or entry is None or entry.kind != FILES:
        return
    with bpy.context.temp_override(window=windows[0]):
        _show_menu(name, title, outputs)
        scene = bpy.data.scenes.get(entry.scene)
        if scene is not None and settings_of(scene).play and len(outputs) > 1:
            bpy.ops.p2p_render.play(job=name)


def _show_menu(name: str, title: str, outputs: tuple[str, ...]) -> None:
    def draw(menu: Any, _context: bpy.types.Context) -> None:
        column = menu.layout.column()
        if not outputs:
            column.label(text="No files were made")
            return
        column.label(text=f"{count(len(outputs), 'file')} in {Path(bpy.path.abspath(outputs[0])).parent}")
        draw_job_button(column, "play", name, "PLAY")
        draw_job_button(column, "open_folder", name, "FILE_FOLDER")

    window_manager().popup_menu(draw, title=f"Rendered: {title}", icon="CHECKMARK")
