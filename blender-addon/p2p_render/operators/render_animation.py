# SPDX-License-Identifier: GPL-2.0-or-later
"""Render Animation on P2P: files arrive in the scene's output folder, whether this Blender stays open or not."""

import os

import bpy

from .. import orders, shown_preview
from . import begin_render


class P2P_RENDER_OT_render_animation(bpy.types.Operator):
    """Render the scene's frame range on the swarm, into its output folder"""

    bl_idname = "p2p_render.render_animation"
    bl_label = "Render Animation on P2P"
    bl_options = {"REGISTER"}

    def execute(self, context):
        refusal = begin_render.refusal_of(context, makes_files=True)
        if refusal is not None:
            self.report({"ERROR"}, refusal)
            return {"CANCELLED"}
        scene = context.scene
        video = video_of(scene) if scene.p2p_render.make_video and not scene.render.is_movie_format else None
        try:
            submission = orders.files_submission(scene, orders.frames_of(scene), video)
        except (OSError, RuntimeError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if bpy.app.background:
            return begin_render.wait_for_files(self, context, submission, scene.frame_start)
        begin_render.submit_files(self, context, submission, scene.frame_start)
        shown_preview.show_in_editor(context)
        return {"FINISHED"}


def video_of(scene):
    """Beside the frames, named for the file."""
    folder = os.path.dirname(scene.render.frame_path(frame=scene.frame_start))
    name = bpy.path.display_name_from_filepath(bpy.data.filepath) if bpy.data.filepath else "Untitled"
    return os.path.join(folder, f"{name}.mp4")


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_render_animation,))
