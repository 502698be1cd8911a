# SPDX-License-Identifier: GPL-2.0-or-later
"""What the swarm does for us: progress, buttons, and what was sent again and why."""

import bpy

from ..book import STILL, book
from ..desk import desk
from ..in_words import count
from ..status_bar import work_done_of
from .main_panel import draw_message
from .place import UnderMain

MOST_SHOWN = 6
STATES = {
    "queued": "Waits for its turn",
    "preparing": "The scene is looked at",
    "paused": "Paused",
    "stopping": "The swarm is being stopped",
    "complete": "Done",
    "cancelled": "The swarm has stopped",
    "failed": "Failed",
    "incomplete": "Not all could be rendered",
}


class P2P_RENDER_PT_jobs(UnderMain, bpy.types.Panel):
    """What the swarm does for us"""

    bl_label = "Jobs"

    @classmethod
    def poll(cls, _context):
        return bool(desk.jobs)

    def draw(self, _context):
        jobs = sorted(desk.jobs.values(), key=lambda job: (job.line.is_ended, -job.line.created_at))
        for job in jobs[:MOST_SHOWN]:
            draw_job(self.layout.box(), job)
        if len(jobs) > MOST_SHOWN:
            self.layout.label(text=f"and {len(jobs) - MOST_SHOWN} more")


def draw_job(box, job):
    line = job.line
    head = box.row()
    head.label(text=line.title, icon="RENDER_STILL" if line.deliver == "raw" else "RENDER_ANIMATION")
    draw_buttons(head.row(align=True), job)
    if not line.is_ended and job.progress.chunks_total:
        bar(box, job.progress.chunks_done / job.progress.chunks_total)
    draw_state(box, job)
    if line.error is not None:
        draw_message(box, f"{line.error.message} {line.error.advice}".strip(), "ERROR")
    for news in job.progress.news[-3:] if not line.is_ended else ():
        draw_message(box, news, "DOT")


def draw_state(box, job):
    line, progress = job.line, job.progress
    if job.stopping and not line.is_ended:
        box.label(text="The swarm is being stopped")
    elif line.state == "running":
        box.label(text=work_done_of(progress))
        if progress.working:
            box.label(text=f"{count(len(progress.working), 'peer')} at work: {', '.join(progress.working[:4])}")
    elif line.state == "complete" and line.deliver == "raw":
        box.label(text="The picture is ready")
    else:
        box.label(text=STATES.get(line.state, line.state))
    if progress.resent:
        box.label(text=f"{count(progress.resent, 'chunk')} sent again")


def draw_buttons(row, job):
    """What can be done now."""
    line = job.line
    if not desk.is_ready:
        if not line.is_ended:
            row.operator("p2p_render.go_on", icon="PLAY").job = line.job
        return
    if not line.is_ended:
        if line.state == "paused":
            row.operator("p2p_render.resume", text="", icon="PLAY").job = line.job
        elif line.state == "running":
            row.operator("p2p_render.pause", text="", icon="PAUSE").job = line.job
        draw_attach(row, line)
        row.operator("p2p_render.cancel", text="", icon="CANCEL").job = line.job
        return
    if line.state != "complete" or line.deliver == "raw":
        draw_attach(row, line, always=True)
    if line.deliver == "files" and job.progress.outputs:
        row.operator("p2p_render.play", text="", icon="PLAY").job = line.job
        row.operator("p2p_render.open_folder", text="", icon="FILE_FOLDER").job = line.job
    row.operator("p2p_render.remove", text="", icon="X").job = line.job


def draw_attach(row, line, always=False):
    """A still whose picture belongs into this Blender, which is not at it now."""
    entry = book.entry(line.job)
    is_still = entry is not None and entry.kind == STILL
    if is_still and bpy.app.is_job_running("RENDER"):
        return
    if is_still and entry.source and entry.source != bpy.data.filepath:
        row.operator("p2p_render.open_source", text="", icon="FILE_BLEND").job = line.job
    elif is_still:
        row.operator("p2p_render.go_on", text="Show" if line.state == "complete" else "", icon="IMAGE_DATA").job = line.job
    elif always:
        row.operator("p2p_render.go_on", text="", icon="FILE_REFRESH").job = line.job


def bar(layout, share):
    """Blender has progress bars for panels since 4.0; the words below say the same."""
    if hasattr(layout, "progress"):
        layout.progress(factor=share, text=f"{share:.0%}")


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_PT_jobs,))
