# SPDX-License-Identifier: GPL-2.0-or-later
"""Tells how jobs ended: a line in the status bar and the panel, and for files a small menu with what to do now."""

import time

import bpy

from .book import FILES, book
from .in_words import count
from .stage import stage

SHOWN_SECONDS = 30


class Notice:
    """The line that is shown now."""

    def __init__(self):
        self.text = ""
        self.icon = "INFO"
        self.changed = False
        self._until = 0.0

    def say(self, text, icon="INFO"):
        self.text, self.icon, self._until = text, icon, time.monotonic() + SHOWN_SECONDS
        self.changed = True

    def turn(self):
        """Forgets what was shown long enough."""
        if self.text and time.monotonic() > self._until:
            self.text, self.changed = "", True


notice = Notice()
turn = notice.turn


def job_ended(job):
    """The last word on a job has come."""
    line = job.line
    if line.state == "cancelled":
        notice.say(f"The swarm has stopped: {line.title}", "CANCEL")
    elif line.state == "complete" and line.deliver == "raw":
        if not stage.is_rendering and line.job != stage.delivered:
            notice.say(f"Ready to be shown: {line.title}", "CHECKMARK")
    elif line.state == "complete":
        notice.say(f"Done: {line.title}", "CHECKMARK")
    elif line.error is not None:
        notice.say(f"{line.title}: {line.error.message}", "ERROR")
    else:
        notice.say(f"{line.title}: {line.frames_done} of {count(line.frames_total, 'frame')} could be rendered", "ERROR")
    if line.deliver == "files" and line.state == "complete":
        entry = book.entry(line.job)
        if entry is not None and entry.folder:
            notice.say(f"Done, its files are coming: {line.title}", "CHECKMARK")
        else:
            files_are_there(job, job.progress.outputs)


def picture_is_there(run, desk):
    """A render of this Blender has ended well."""
    desk.list_soon()  # the job has been let go
    job = desk.jobs.get(run.job)
    title = job.line.title if job else run.order.submission.get("title", "the picture")
    notice.say(f"Done: {title}", "CHECKMARK")


def files_are_there(job, outputs):
    """All of them lie on this computer, at these paths."""
    name, title = job.line.job, job.line.title
    entry = book.entry(name)
    notice.say(f"Done: {title}", "CHECKMARK")

    def draw(menu, _context):
        column = menu.layout.column()
        column.label(
            text=f"{count(len(outputs), 'file')} in {bpy.path.abspath(outputs[0]).rpartition('/')[0]}" if outputs else "No files were made"
        )
        if outputs:
            column.operator("p2p_render.play", icon="PLAY").job = name
            column.operator("p2p_render.open_folder", icon="FILE_FOLDER").job = name

    windows = bpy.context.window_manager.windows
    if bpy.app.background or not windows or entry is None or entry.kind != FILES:
        return
    with bpy.context.temp_override(window=windows[0]):
        bpy.context.window_manager.popup_menu(draw, title=f"Rendered: {title}", icon="CHECKMARK")
        scene = bpy.data.scenes.get(entry.scene)
        if scene is not None and scene.p2p_render.play and len(outputs) > 1:
            bpy.ops.p2p_render.play(job=name)
