# SPDX-License-Identifier: GPL-2.0-or-later
"""Render Image on P2P: the picture arrives in the render result, as with F12."""

import bpy

from .. import orders
from . import begin_render


class P2P_RENDER_OT_render_image(bpy.types.Operator):
    """Render the current frame on the swarm"""

    bl_idname = "p2p_render.render_image"
    bl_label = "Render Image on P2P"
    bl_options = {"REGISTER"}  # the scene does not change, so there is nothing to undo

    @classmethod
    def poll(cls, _context):
        if bpy.app.is_job_running("RENDER"):
            cls.poll_message_set("This Blender is rendering: wait for it, or stop it")
            return False
        return True

    def invoke(self, context, _event):
        """Starts, and leaves Blender usable."""
        return self._run(context, begin_render.start_in_window)

    def execute(self, context):
        """For scripts: waits for the picture."""

        def start(order):
            begin_render.render_here_and_now(order)
            return True

        return self._run(context, start)

    def _run(self, context, start):
        scene = context.scene
        is_tiled = begin_render.is_tiled_engine(scene)
        refusal = begin_render.refusal_of(context, makes_files=not is_tiled)
        if refusal is not None:
            self.report({"ERROR"}, refusal)
            return {"CANCELLED"}
        try:
            if not is_tiled:
                return self._run_as_files(context)
            started = start(orders.still(scene, scene.frame_current))
        except (OSError, RuntimeError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"} if started else {"CANCELLED"}

    def _run_as_files(self, context):
        """Engines whose floats cannot come back: the finished file does."""
        scene = context.scene
        submission = orders.files_submission(scene, [scene.frame_current])
        if bpy.app.background:
            return begin_render.wait_for_files(self, context, submission, scene.frame_current)
        begin_render.submit_files(self, context, submission, scene.frame_current)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_render_image,))
