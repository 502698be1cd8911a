# SPDX-License-Identifier: GPL-2.0-or-later
"""A few words in the status bar while the swarm works."""

import bpy

from .desk import desk
from .in_words import count, work_done
from .notices import notice


def draw(self, _context):
    layout = self.layout
    working = [job for job in desk.jobs.values() if not job.line.is_ended]
    if working:
        job = working[0]
        progress = job.progress
        words = "stopping" if job.stopping else "paused" if job.line.state == "paused" else work_done_of(progress)
        peers = f" · {count(len(progress.working), 'peer')}" if progress.working else ""
        more = f" · {len(working) - 1} more" if len(working) > 1 else ""
        layout.label(text=f"P2P: {words}{peers}{more}", icon="WORLD")
    elif notice.text:
        layout.label(text=notice.text, icon=notice.icon)


def work_done_of(progress):
    """How far a job is."""
    if progress.frames_total > 1:
        return f"{progress.frames_done} of {progress.frames_total} frames, " + work_done(
            progress.chunks_done, progress.chunks_total, progress.seconds_left
        )
    return work_done(progress.chunks_done, progress.chunks_total, progress.seconds_left)


def register():
    bpy.types.STATUSBAR_HT_header.append(draw)


def unregister():
    bpy.types.STATUSBAR_HT_header.remove(draw)
