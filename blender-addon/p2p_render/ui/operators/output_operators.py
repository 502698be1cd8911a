# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be done with finished files."""

from pathlib import Path
from typing import Any

import bpy

from ...render.job_history import job_history
from ...render.job_outputs import outputs_of
from ..preview_image import image_editors
from .job_operator import JobOperator
from .operator_result import OperatorResult

VIDEO_SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm")


class P2P_RENDER_OT_play(JobOperator, bpy.types.Operator):
    """Open the rendered animation in the player, a picture in the Image Editor"""

    bl_idname = "p2p_render.play"
    bl_label = "Play"

    def execute(self, context: bpy.types.Context) -> Any:
        outputs, entry = outputs_of(self.job), job_history.entry(self.job)
        if len(outputs) == 1 and not outputs[0].lower().endswith(VIDEO_SUFFIXES):
            return show_picture(context.window, outputs[0])
        if entry is None or entry.source != bpy.data.filepath or entry.scene not in bpy.data.scenes:
            self.report({"ERROR"}, "Open the file of the animation first: it says which frames are played")
            return {"CANCELLED"}
        with context.temp_override(scene=bpy.data.scenes[entry.scene]):
            return bpy.ops.render.play_rendered_anim()


def show_picture(window: bpy.types.Window | None, path: str) -> OperatorResult:
    """In the first Image Editor of the window."""
    image = bpy.data.images.load(path, check_existing=True)
    image.reload()
    for space in image_editors(window)[:1]:
        space.image = image
    return {"FINISHED"}


class P2P_RENDER_OT_open_folder(JobOperator, bpy.types.Operator):
    """Open the folder with the finished files"""

    bl_idname = "p2p_render.open_folder"
    bl_label = "Open Folder"

    def execute(self, _context: bpy.types.Context) -> Any:
        outputs = outputs_of(self.job)
        if not outputs:
            self.report({"WARNING"}, "There are no files yet")
            return {"CANCELLED"}
        return bpy.ops.wm.path_open(filepath=str(Path(outputs[0]).parent))


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_play, P2P_RENDER_OT_open_folder))
