# SPDX-License-Identifier: GPL-2.0-or-later
"""Render Image on P2P: the picture arrives in the render result, as with F12."""

import bpy

from .. import orders
from ..book import FILES
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
        finding = begin_render.worst_finding(context)
        if finding is not None:
            self.report({"ERROR"}, finding.sentence)
            return {"CANCELLED"}
        scene = context.scene
        try:
            if not begin_render.is_tiled_engine(scene):
                wish = orders.files_wish(scene, [scene.frame_current])
                begin_render.submit_files(self, context, wish, scene.frame_current, FILES)
                return {"FINISHED"}
            started = start(orders.still(scene, scene.frame_current))
        except (OSError, RuntimeError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"} if started else {"CANCELLED"}


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_render_image,))
