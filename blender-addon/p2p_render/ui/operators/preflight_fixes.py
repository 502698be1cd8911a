# SPDX-License-Identifier: GPL-2.0-or-later
"""The operators behind the buttons of the preflight."""

import bpy

from ...scene.current_scene import scene_of
from ...scene.render_engine import cycles_settings, set_engine
from ..windows import areas_of
from .operator_result import OperatorResult

# Where Blender's own startup file has its camera.
DEFAULT_LOCATION, DEFAULT_ROTATION = (7.4, -6.9, 5.0), (1.11, 0.0, 0.81)


class P2P_RENDER_OT_fix_camera(bpy.types.Operator):
    """Make a camera the active one; if there is none, add one that sees what the view sees"""

    bl_idname = "p2p_render.fix_camera"
    bl_label = "Choose a Camera"
    bl_options = {"INTERNAL", "UNDO"}

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        scene = scene_of(context)
        camera = next((item for item in scene.objects if item.type == "CAMERA"), None)
        if camera is None:
            add_camera(context, scene)
        else:
            scene.camera = camera
        return {"FINISHED"}


def add_camera(context: bpy.types.Context, scene: bpy.types.Scene) -> None:
    """At the view of a 3D Viewport, if one is open."""
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    viewports = areas_of(context.window, "VIEW_3D")
    if not viewports:
        camera.location, camera.rotation_euler = DEFAULT_LOCATION, DEFAULT_ROTATION
        return
    region = next(region for region in viewports[0].regions if region.type == "WINDOW")
    with context.temp_override(area=viewports[0], region=region):
        bpy.ops.view3d.camera_to_view()


class P2P_RENDER_OT_fix_engine(bpy.types.Operator):
    """Render this scene with Cycles"""

    bl_idname = "p2p_render.fix_engine"
    bl_label = "Switch to Cycles"
    bl_options = {"INTERNAL", "UNDO"}

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        set_engine(scene_of(context), "CYCLES")
        return {"FINISHED"}


class P2P_RENDER_OT_fix_missing_files(bpy.types.Operator):
    """Choose a folder in which Blender searches for the missing files"""

    bl_idname = "p2p_render.fix_missing_files"
    bl_label = "Find Missing Files"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        bpy.ops.file.find_missing_files("INVOKE_DEFAULT")
        return {"FINISHED"}


class P2P_RENDER_OT_fix_unsaved_images(bpy.types.Operator):
    """Save all images that were painted on"""

    bl_idname = "p2p_render.fix_unsaved_images"
    bl_label = "Save Images"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        for image in bpy.data.images:
            if image.is_dirty and image.source == "FILE" and not image.packed_file:
                image.save()
        return {"FINISHED"}


class P2P_RENDER_OT_fix_save(bpy.types.Operator):
    """Save the file"""

    bl_idname = "p2p_render.fix_save"
    bl_label = "Save"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        bpy.ops.wm.save_mainfile("INVOKE_AREA")
        return {"FINISHED"}


class P2P_RENDER_OT_fix_denoising(bpy.types.Operator):
    """Switch denoising off, so that the frame can be divided into tiles"""

    bl_idname = "p2p_render.fix_denoising"
    bl_label = "Switch Denoising Off"
    bl_options = {"INTERNAL", "UNDO"}

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        cycles_settings(scene_of(context)).use_denoising = False
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        P2P_RENDER_OT_fix_camera,
        P2P_RENDER_OT_fix_engine,
        P2P_RENDER_OT_fix_missing_files,
        P2P_RENDER_OT_fix_unsaved_images,
        P2P_RENDER_OT_fix_save,
        P2P_RENDER_OT_fix_denoising,
    )
)
