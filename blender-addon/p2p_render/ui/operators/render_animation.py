# SPDX-License-Identifier: GPL-2.0-or-later
"""Render Animation on P2P: the files arrive in the scene's output folder, whether this Blender stays open or not."""

from pathlib import Path

import bpy

from ...properties import settings_of
from ...render import render_requests
from ...render.job_outputs import folder_of
from ...scene.current_scene import scene_of
from .. import preview_image
from .operator_result import OperatorResult
from .start_render import why_not
from .submit_files import submit_and_wait, submit_in_window


class P2P_RENDER_OT_render_animation(bpy.types.Operator):
    """Render the scene's frame range on the swarm, into its output folder"""

    bl_idname = "p2p_render.render_animation"
    bl_label = "Render Animation on P2P"
    bl_options = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        scene = scene_of(context)
        error = why_not(scene, makes_files=True)
        if error is not None:
            self.report({"ERROR"}, error)
            return {"CANCELLED"}
        video = video_path(scene) if settings_of(scene).make_video and not scene.render.is_movie_format else None
        try:
            submission = render_requests.files_submission(scene, render_requests.frames_of(scene), video)
        except (OSError, RuntimeError) as failure:
            self.report({"ERROR"}, str(failure))
            return {"CANCELLED"}
        if bpy.app.background:
            return submit_and_wait(self, scene, submission, scene.frame_start)
        submit_in_window(self, scene, submission, scene.frame_start)
        preview_image.show_in_editor(context)
        return {"FINISHED"}


def video_path(scene: bpy.types.Scene) -> str:
    """Beside the frames, named like the file."""
    name = bpy.path.display_name_from_filepath(bpy.data.filepath) if bpy.data.filepath else "Untitled"
    return str(Path(folder_of(scene, scene.frame_start)) / f"{name}.mp4")


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_render_animation,))
