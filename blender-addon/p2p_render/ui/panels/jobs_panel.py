# SPDX-License-Identifier: GPL-2.0-or-later
"""The jobs: their progress, buttons, and what was rendered again and why."""

from typing import Any

import bpy

from ...bridge.bridge_client import bridge_client
from ...bridge.tracked_jobs import TrackedJob
from ...bridge.wire.derived import error_text, is_ended
from ...bridge.wire.generated import JobSummary
from ...formatting import count
from ...render.job_history import STILL, job_history
from ..job_button import draw_job_button
from ..status_bar import job_progress_text
from .base import SubPanel
from .text_lines import draw_message

MAX_SHOWN = 6
LOG_LINES_SHOWN = 3
STATES = {
    "queued": "Waiting for its turn",
    "preparing": "Preparing the scene",
    "paused": "Paused",
    "stopping": "Stopping the swarm",
    "complete": "Done",
    "cancelled": "The swarm has stopped",
    "failed": "Failed",
    "incomplete": "Not everything could be rendered",
}


class P2P_RENDER_PT_jobs(SubPanel, bpy.types.Panel):
    """The jobs that the swarm renders for this computer"""

    bl_label = "Jobs"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return bool(bridge_client.jobs)

    def draw(self, _context: bpy.types.Context) -> None:
        jobs = sorted(bridge_client.jobs.values(), key=lambda job: (is_ended(job.summary), -job.summary.created_at))
        for job in jobs[:MAX_SHOWN]:
            draw_job(self.layout.box(), job)
        if len(jobs) > MAX_SHOWN:
            self.layout.label(text=f"and {len(jobs) - MAX_SHOWN} more")


def draw_job(box: bpy.types.UILayout, job: TrackedJob) -> None:
    summary = job.summary
    head = box.row()
    head.label(text=summary.title, icon="RENDER_STILL" if summary.deliver == "raw" else "RENDER_ANIMATION")
    draw_buttons(head.row(align=True), job)
    if not is_ended(summary) and job.progress.chunks_total:
        draw_progress_bar(box, job.progress.chunks_done / job.progress.chunks_total)
    draw_state(box, job)
    if summary.error is not None:
        draw_message(box, error_text(summary.error), "ERROR")
    for line in job.progress.log[-LOG_LINES_SHOWN:] if not is_ended(summary) else ():
        draw_message(box, line, "DOT")


def draw_state(box: bpy.types.UILayout, job: TrackedJob) -> None:
    summary, progress = job.summary, job.progress
    if job.is_stopping and not is_ended(summary):
        box.label(text=STATES["stopping"])
    elif summary.state == "running":
        box.label(text=job_progress_text(progress))
        if progress.active_donors:
            donors = progress.active_donors
            box.label(text=f"{count(len(donors), 'peer')} rendering: {', '.join(donors[:4])}")
    elif summary.state == "complete" and summary.deliver == "raw":
        box.label(text="The picture is ready")
    else:
        box.label(text=STATES.get(summary.state, summary.state))
    if progress.resent:
        box.label(text=f"{count(progress.resent, 'chunk')} rendered again")


def draw_buttons(row: bpy.types.UILayout, job: TrackedJob) -> None:
    """What can be done now."""
    summary = job.summary
    if not bridge_client.is_ready:
        if not is_ended(summary):
            draw_job_button(row, "go_on", summary.job, "PLAY")
    elif is_ended(summary):
        draw_buttons_of_ended(row, job)
    else:
        draw_buttons_of_running(row, summary)


def draw_buttons_of_running(row: bpy.types.UILayout, summary: JobSummary) -> None:
    if summary.state == "paused":
        draw_job_button(row, "resume", summary.job, "PLAY", text="")
    elif summary.state == "running":
        draw_job_button(row, "pause", summary.job, "PAUSE", text="")
    draw_show_button(row, summary)
    draw_job_button(row, "cancel", summary.job, "CANCEL", text="")


def draw_buttons_of_ended(row: bpy.types.UILayout, job: TrackedJob) -> None:
    summary = job.summary
    if (summary.state != "complete" or summary.deliver == "raw") and not draw_show_button(row, summary):
        draw_job_button(row, "go_on", summary.job, "FILE_REFRESH", text="")
    if summary.deliver == "files" and job.progress.outputs:
        draw_job_button(row, "play", summary.job, "PLAY", text="")
        draw_job_button(row, "open_folder", summary.job, "FILE_FOLDER", text="")
    draw_job_button(row, "remove", summary.job, "X", text="")


def draw_show_button(row: bpy.types.UILayout, summary: JobSummary) -> bool:
    """For a still whose picture belongs into this Blender; False for other jobs."""
    entry = job_history.entry(summary.job)
    if entry is None or entry.kind != STILL:
        return False
    if bpy.app.is_job_running("RENDER"):
        return True  # one render at a time
    if entry.source and entry.source != bpy.data.filepath:
        draw_job_button(row, "open_source", summary.job, "FILE_BLEND", text="")
    else:
        draw_job_button(row, "go_on", summary.job, "IMAGE_DATA", text="Show" if summary.state == "complete" else "")
    return True


def draw_progress_bar(layout: Any, factor: float) -> None:
    """Panels have progress bars since Blender 4.0; the text below says the same."""
    if hasattr(layout, "progress"):
        layout.progress(factor=factor, text=f"{factor:.0%}")


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_PT_jobs,))
