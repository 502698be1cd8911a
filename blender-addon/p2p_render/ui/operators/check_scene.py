# SPDX-License-Identifier: GPL-2.0-or-later
"""The bridge opens a copy of the scene, as a job would, and reports what it finds."""

import shutil
from pathlib import Path

import bpy

from ... import preferences
from ...bridge.background_tasks import background_tasks
from ...bridge.bridge_client import bridge_client
from ...bridge.render_request import RenderRequest
from ...bridge.wire.generated import JobSubmission, SceneCheck
from ...remote import remote_bridge
from ...render.render_requests import local_blender
from ...scene.current_scene import scene_of
from ...scene.scene_check import scene_check
from ...scene.scene_copy import save_copy
from ..notices import notice
from .operator_result import OperatorResult


class P2P_RENDER_OT_check_scene(bpy.types.Operator):
    """Have the bridge open the scene as it is now and report what would go wrong: libraries, caches, simulations, peers"""

    bl_idname = "p2p_render.check_scene"
    bl_label = "Check Scene"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return bridge_client.is_ready and not scene_check.is_running

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        scene, path = scene_of(context).name, save_copy(preferences.bridge_settings())

        def checked(answer: SceneCheck) -> None:
            remove_copy(path)
            scene_check.finish(scene, answer.findings)
            if not answer.findings:
                notice.show("The bridge has found no problems in this scene")

        def failed(message: str) -> None:
            remove_copy(path)
            scene_check.reset()
            notice.show_error(message)

        scene_check.start()
        submission: JobSubmission = {"scenePath": path, "scene": scene}
        if bridge_client.is_remote:
            request = RenderRequest(preferences.bridge_settings(), submission, local_blender=local_blender())
            background_tasks.start(lambda task: remote_bridge.check_scene(request, task), checked, failed)
        else:
            bridge_client.request("scene.check", submission, checked, failed)
        return {"FINISHED"}


def remove_copy(path: str) -> None:
    """With its folder."""
    shutil.rmtree(Path(path).parent, ignore_errors=True)


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_check_scene,))
