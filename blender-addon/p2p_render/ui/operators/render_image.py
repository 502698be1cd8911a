# SPDX-License-Identifier: GPL-2.0-or-later
"""Render Image on P2P: the picture arrives in the render result, as with F12."""

from collections.abc import Callable

import bpy

from ...bridge.render_request import RenderRequest
from ...render import render_requests
from ...scene.current_scene import scene_of
from .operator_result import OperatorResult
from .start_render import is_tiled_engine, render_and_wait, start_in_window, why_not
from .submit_files import submit_and_wait, submit_in_window


class P2P_RENDER_OT_render_image(bpy.types.Operator):
    """Render the current frame on the swarm"""

    bl_idname = "p2p_render.render_image"
    bl_label = "Render Image on P2P"
    bl_options = {"REGISTER"}  # the scene does not change, so there is nothing to undo

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if bpy.app.is_job_running("RENDER"):
            cls.poll_message_set("This Blender is rendering: wait for it, or stop it")
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        """Starts the render; Blender stays usable."""
        return self._run(scene_of(context), start_in_window)

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """For scripts: waits for the picture."""

        def start(request: RenderRequest) -> bool:
            render_and_wait(request)
            return True

        return self._run(scene_of(context), start)

    def _run(self, scene: bpy.types.Scene, start: Callable[[RenderRequest], bool]) -> OperatorResult:
        is_tiled = is_tiled_engine(scene)
        error = why_not(scene, makes_files=not is_tiled)
        if error is not None:
            self.report({"ERROR"}, error)
            return {"CANCELLED"}
        try:
            if not is_tiled:
                return self._run_as_files(scene)
            started = start(render_requests.still(scene, scene.frame_current))
        except (OSError, RuntimeError) as failure:
            self.report({"ERROR"}, str(failure))
            return {"CANCELLED"}
        return {"FINISHED"} if started else {"CANCELLED"}

    def _run_as_files(self, scene: bpy.types.Scene) -> OperatorResult:
        """Engines whose raw pixels cannot come back make a file."""
        submission = render_requests.files_submission(scene, [scene.frame_current])
        if bpy.app.background:
            return submit_and_wait(self, scene, submission, scene.frame_current)
        submit_in_window(self, scene, submission, scene.frame_current)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_render_image,))
