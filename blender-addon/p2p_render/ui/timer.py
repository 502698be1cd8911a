# SPDX-License-Identifier: GPL-2.0-or-later
"""The one timer: updates the bridge client, serves the render thread, restores engines, redraws. Nothing in it waits."""

import traceback
from pathlib import Path

import bpy

from .. import preferences
from ..bridge.background_tasks import background_tasks
from ..bridge.bridge_client import bridge_client
from ..bridge.wire.derived import is_ended
from ..remote.downloaded_files import download_folder
from ..render import engine_switch
from ..render.job_history import STILL, HistoryEntry, job_history
from ..render.job_outputs import job_outputs
from ..render.render_handoff import render_handoff
from ..render.swarm_run import SwarmRun
from ..scene.missing_files import missing_files
from . import notices, preview_image
from .notices import notice
from .windows import areas_of, open_windows

BUSY_SECONDS, IDLE_SECONDS = 0.05, 0.25
REDRAWN_AREAS = ("PROPERTIES", "IMAGE_EDITOR", "STATUSBAR", "PREFERENCES")

# Whether a render was running at the last redraw: its end changes buttons, too.
_drawn = {"running": False}


def on_timer() -> float:
    """An exception in one call must not end the timer: the render thread depends on it."""
    try:
        return _update()
    except Exception:  # noqa: BLE001 - reported where Blender reports such errors
        traceback.print_exc()
        return IDLE_SECONDS


def _update() -> float:
    render_handoff.run_calls()
    _restore_engine()
    _cancel_stopped_job()
    bridge_client.update(preferences.bridge_settings())
    _track_run(render_handoff.run)
    if render_handoff.finished is not None:
        notices.picture_rendered(render_handoff.finished, bridge_client)
        render_handoff.finished = None
    background_tasks.update()
    changed = job_outputs.update()
    changed = missing_files.update() or changed
    notice.update()
    preview_image.update(bridge_client)
    is_running = bpy.app.is_job_running("RENDER")
    if changed or bridge_client.changed or notice.changed or is_running or _drawn["running"]:
        bridge_client.changed = notice.changed = False
        _drawn["running"] = is_running
        redraw()
    return BUSY_SECONDS if _is_busy() else IDLE_SECONDS


def _is_busy() -> bool:
    is_connecting = bridge_client.state == "starting"
    has_jobs = any(not is_ended(job.summary) for job in bridge_client.jobs.values())
    return render_handoff.is_rendering or background_tasks.is_busy or is_connecting or has_jobs


def _restore_engine() -> None:
    """As soon as Blender's render has started with our engine; with several scenes only when the render has ended."""
    swapped = engine_switch.swapped_scenes()
    if not swapped:
        return
    is_running = bpy.app.is_job_running("RENDER")
    if not is_running or (render_handoff.is_rendering and len(swapped) == 1):
        engine_switch.restore()


def _cancel_stopped_job() -> None:
    if render_handoff.job_to_cancel is None:
        return
    job, render_handoff.job_to_cancel = render_handoff.job_to_cancel, None
    if job in bridge_client.jobs:
        bridge_client.jobs[job].is_stopping = True
    bridge_client.when_ready(
        preferences.bridge_settings(),
        lambda: bridge_client.request("jobs.cancel", {"job": job}, failed=notice.show_error),
        notice.show_error,
    )


def _track_run(run: SwarmRun | None) -> None:
    """The engine submits its job on a connection of its own: the panel must know it, too."""
    if run is None or run.summary is None or run.job is None or job_history.entry(run.job) is not None:
        return
    frame = run.request.frames[0] if run.request.frames else 0
    job_history.add(run.job, HistoryEntry(bpy.data.filepath, run.request.submission.get("scene") or "", frame, STILL))
    bridge_client.add_job(run.summary)


def redraw() -> None:
    """All areas that show the state of the swarm."""
    for window in open_windows():
        for kind in REDRAWN_AREAS:
            for area in areas_of(window, kind):
                area.tag_redraw()


def register() -> None:
    job_history.open(Path(bpy.utils.user_resource("CONFIG")) / "p2p_render" / "jobs.json")
    bridge_client.on_end = notices.job_ended
    background_tasks.on_status = notice.show
    job_outputs.on_downloaded = notices.files_ready
    job_outputs.on_failure = notice.show_error
    download_folder.parent = bpy.app.tempdir
    if not bpy.app.background:
        bpy.app.timers.register(on_timer, persistent=True)


def unregister() -> None:
    if bpy.app.timers.is_registered(on_timer):
        bpy.app.timers.unregister(on_timer)
    background_tasks.close()
    job_outputs.clear()
    bridge_client.close()
    download_folder.clear()
