# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be done with finished files."""

import os

import bpy
from bpy.props import StringProperty

from ..book import book
from ..outputs import outputs_of


class P2P_RENDER_OT_play(bpy.types.Operator):
    """Open the rendered animation in the player, a picture in the Image Editor"""

    bl_idname = "p2p_render.play"
    bl_label = "Play"
    bl_options = {"INTERNAL"}
    job: StringProperty(options={"HIDDEN"})

    def execute(self, context):
        outputs, entry = outputs_of(self.job), book.entry(self.job)
        if len(outputs) == 1 and not outputs[0].lower().endswith((".mp4", ".mkv", ".avi", ".mov", ".webm")):
            return show_picture(context, outputs[0])
        if entry is None or entry.source != bpy.data.filepath or entry.scene not in bpy.data.scenes:
            self.report({"ERROR"}, "Open the animation's own file first: it says which frames are played")
            return {"CANCELLED"}
        with context.temp_override(scene=bpy.data.scenes[entry.scene]):
            return bpy.ops.render.play_rendered_anim()


def show_picture(context, path):
    """In the first Image Editor of the window."""
    image = bpy.data.images.load(path, check_existing=True)
    image.reload()
    for area in context.window.screen.areas:
        if area.type == "IMAGE_EDITOR":
            area.spaces.active.image = image
            break
    return {"FINISHED"}


class P2P_RENDER_OT_open_folder(bpy.types.Operator):
    """Open the folder with the finished files"""

    bl_idname = "p2p_render.open_folder"
    bl_label = "Open Folder"
    bl_options = {"INTERNAL"}
    job: StringProperty(options={"HIDDEN"})

    def execute(self, _context):
        outputs = outputs_of(self.job)
        if not outputs:
            self.report({"WARNING"}, "There are no files yet")
            return {"CANCELLED"}
        return bpy.ops.wm.path_open(filepath=os.path.dirname(outputs[0]))


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_play, P2P_RENDER_OT_open_folder))
