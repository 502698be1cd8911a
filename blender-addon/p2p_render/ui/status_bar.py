# SPDX-License-Identifier: GPL-2.0-or-later
"""A few words in the status bar while the swarm works."""

from typing import Any

import bpy

from ..bridge.bridge_client import bridge_client
from ..bridge.job_progress import JobProgress
from ..bridge.wire.derived import is_ended
from ..formatting import count, work_done
from .notices import notice

# The type stubs lack the first parameter of draw functions.
header: Any = bpy.types.STATUSBAR_HT_header


def draw(self: Any, _context: bpy.types.Context) -> None:
    layout: bpy.types.UILayout = self.layout
    running = [job for job in bridge_client.jobs.values() if not is_ended(job.summary)]
    if running:
        job = running[0]
        progress = job.progress
        state = "stopping" if job.is_stopping else "paused" if job.summary.state == "paused" else job_progress_text(progress)
        peers = f" · {count(len(progress.active_donors), 'peer')}" if progress.active_donors else ""
        more = f" · {len(running) - 1} more" if len(running) > 1 else ""
        layout.label(text=f"P2P: {state}{peers}{more}", icon="WORLD")
    elif notice.text:
        layout.label(text=notice.text, icon=notice.icon)


def job_progress_text(progress: JobProgress) -> str:
    """How far a job is."""
    chunks = work_done(progress.chunks_done, progress.chunks_total, progress.seconds_left, progress.denoising)
    return f"{progress.frames_done} of {progress.frames_total} frames, {chunks}" if progress.frames_total > 1 else chunks


def register() -> None:
    header.append(draw)


def unregister() -> None:
    header.remove(draw)
