# SPDX-License-Identifier: GPL-2.0-or-later
"""The one timer: turns the desk, serves the render thread, puts engines back, has things drawn anew. Nothing in it waits."""

import traceback

import bpy

from . import engine_switch, notices, preferences, scene_facts, shown_preview
from .arrivals import arrivals
from .book import book, note_run
from .desk import desk
from .errands import errands
from .outputs import outputs
from .stage import stage

BUSY_SECONDS, IDLE_SECONDS = 0.05, 0.25
SHOWN_IN = {"PROPERTIES", "IMAGE_EDITOR", "STATUSBAR", "PREFERENCES"}

# Whether a render was running when things were drawn: its end shows in buttons, too.
_shown = {"running": False}


def tick():
    """A mistake of ours in one turn must not end all turns: the render thread waits for them."""
    try:
        return _turn()
    except Exception:  # noqa: BLE001 - told where Blender tells such things
        traceback.print_exc()
        return IDLE_SECONDS


def _turn():
    stage.serve_calls()
    _put_engine_back()
    _cancel_stopped()
    desk.turn(preferences.place())
    if stage.run is not None:
        note_run(stage.run, desk)
    if stage.finished is not None:
        notices.picture_is_there(stage.finished, desk)
        stage.finished = None
    errands.turn()
    files_changed = outputs.turn()
    facts_changed = scene_facts.looker.turn()
    notices.turn()
    shown_preview.turn(desk)
    is_running = bpy.app.is_job_running("RENDER")
    is_busy = stage.is_rendering or errands.is_busy or desk.state == "starting" or any(not job.line.is_ended for job in desk.jobs.values())
    if desk.changed or facts_changed or files_changed or notices.notice.changed or is_running or _shown["running"]:
        desk.changed = notices.notice.changed = False
        _shown["running"] = is_running
        redraw()
    return BUSY_SECONDS if is_busy else IDLE_SECONDS


def _put_engine_back():
    """As soon as Blender has taken the engine over into its render; with several scenes only when the render is over."""
    lent = [scene for scene in bpy.data.scenes if scene.p2p_render.engine_before]
    if not lent:
        return
    is_running = bpy.app.is_job_running("RENDER")
    if not is_running or (stage.is_rendering and len(lent) == 1):
        engine_switch.put_back()


def _cancel_stopped():
    if stage.cancel_wanted is None:
        return
    job, stage.cancel_wanted = stage.cancel_wanted, None
    if job in desk.jobs:
        desk.jobs[job].stopping = True

    def failed(message):
        notices.notice.say(message, "ERROR")

    desk.when_ready(preferences.place(), lambda: desk.ask("jobs.cancel", {"job": job}, failed=failed), failed)


def redraw():
    """What shows the swarm's work is drawn anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in SHOWN_IN:
                area.tag_redraw()


def register():
    book.open(bpy.utils.user_resource("CONFIG"))
    desk.on_end = notices.job_ended
    errands.on_stats = notices.notice.say
    arrivals.beside = bpy.app.tempdir
    if not bpy.app.background:
        bpy.app.timers.register(tick, persistent=True)


def unregister():
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    errands.close()
    outputs.clear()
    desk.close()
    arrivals.clear()
