# SPDX-License-Identifier: GPL-2.0-or-later
"""Stop, pause, go on, remove: what can be done with a job of the list."""

import bpy
from bpy.props import StringProperty

from .. import preferences
from ..book import STILL, book
from ..desk import desk
from ..notices import notice
from ..outputs import are_coming
from ..stage import stage
from ..swarm_run import Order
from . import begin_render


def say(message):
    """What the bridge answered instead of doing it."""
    notice.say(message, "ERROR")


class JobVerb:
    """A button that names its job."""

    bl_options = {"INTERNAL"}
    job: StringProperty(options={"HIDDEN"})


class P2P_RENDER_OT_cancel(JobVerb, bpy.types.Operator):
    """Stop the job; a line says when the swarm has really stopped"""

    bl_idname = "p2p_render.cancel"
    bl_label = "Stop"

    def execute(self, _context):
        job = desk.jobs.get(self.job)
        if job is not None:
            job.stopping = True
        if stage.is_rendering and stage.run and stage.run.job == self.job:
            stage.stop_wanted = True  # the engine tells the bridge
        else:
            desk.ask("jobs.cancel", {"job": self.job}, failed=say)
        return {"FINISHED"}


class P2P_RENDER_OT_pause(JobVerb, bpy.types.Operator):
    """Begin nothing new until you go on; what is being rendered ends"""

    bl_idname = "p2p_render.pause"
    bl_label = "Pause"

    def execute(self, _context):
        desk.ask("jobs.pause", {"job": self.job}, lambda _: desk.list_soon(), say)
        return {"FINISHED"}


class P2P_RENDER_OT_resume(JobVerb, bpy.types.Operator):
    """End the pause"""

    bl_idname = "p2p_render.resume"
    bl_label = "Go On"

    def execute(self, _context):
        desk.ask("jobs.resume", {"job": self.job}, lambda _: desk.list_soon(), say)
        return {"FINISHED"}


class P2P_RENDER_OT_go_on(JobVerb, bpy.types.Operator):
    """Take the job up where it stopped; nothing that is rendered is rendered again"""

    bl_idname = "p2p_render.go_on"
    bl_label = "Go On"

    def execute(self, context):
        entry = book.entry(self.job)
        if entry is None or entry.kind != STILL:
            desk.when_ready(preferences.place(), self._retry(self.job), say)
            return {"FINISHED"}
        if entry.source != bpy.data.filepath or entry.scene not in bpy.data.scenes:
            self.report({"ERROR"}, f"Open {bpy.path.basename(entry.source) or 'its scene'} first: the picture belongs there")
            return {"CANCELLED"}
        context.window.scene = bpy.data.scenes[entry.scene]
        context.window.scene.frame_set(entry.frame)
        order = Order(preferences.place(), frames=(entry.frame,), job=self.job)
        return {"FINISHED"} if begin_render.start_in_window(order) else {"CANCELLED"}

    @staticmethod
    def _retry(job):
        return lambda: desk.ask("jobs.retry", {"job": job}, lambda _: desk.list_soon(), say)


class P2P_RENDER_OT_open_source(JobVerb, bpy.types.Operator):
    """Open the file that this job is of"""

    bl_idname = "p2p_render.open_source"
    bl_label = "Open Its File"

    def execute(self, _context):
        entry = book.entry(self.job)
        if entry is None or not entry.source:
            return {"CANCELLED"}
        return bpy.ops.wm.open_mainfile("INVOKE_DEFAULT", filepath=entry.source, display_file_selector=False)


class P2P_RENDER_OT_remove(JobVerb, bpy.types.Operator):
    """Take the job off the list; finished files stay"""

    bl_idname = "p2p_render.remove"
    bl_label = "Remove"

    def execute(self, _context):
        if are_coming(self.job):
            self.report({"ERROR"}, "Its files are still coming to this computer")
            return {"CANCELLED"}
        desk.ask("jobs.release", {"job": self.job}, lambda _: desk.list_soon(), say)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        P2P_RENDER_OT_cancel,
        P2P_RENDER_OT_pause,
        P2P_RENDER_OT_resume,
        P2P_RENDER_OT_go_on,
        P2P_RENDER_OT_open_source,
        P2P_RENDER_OT_remove,
    )
)
