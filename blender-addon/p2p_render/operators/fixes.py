# SPDX-License-Identifier: GPL-2.0-or-later
"""What the buttons of the pre-flight do."""

import bpy


class P2P_RENDER_OT_fix_camera(bpy.types.Operator):
    """Make a camera the active one; where there is none, add one that sees what the view sees"""

    bl_idname = "p2p_render.fix_camera"
    bl_label = "Choose a Camera"
    bl_options = {"INTERNAL", "UNDO"}

    def execute(self, context):
        scene = context.scene
        camera = next((item for item in scene.objects if item.type == "CAMERA"), None)
        if camera is not None:
            scene.camera = camera
            return {"FINISHED"}
        camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
        scene.collection.objects.link(camera)
        scene.camera = camera
        areas = [area for area in context.screen.areas if area.type == "VIEW_3D"] if context.screen else []
        if not areas:
            camera.location, camera.rotation_euler = (7.4, -6.9, 5.0), (1.11, 0.0, 0.81)
            return {"FINISHED"}
        region = next(region for region in areas[0].regions if region.type == "WINDOW")
        with context.temp_override(area=areas[0], region=region):
            bpy.ops.view3d.camera_to_view()
        return {"FINISHED"}


class P2P_RENDER_OT_fix_engine(bpy.types.Operator):
    """Render this scene with Cycles"""

    bl_idname = "p2p_render.fix_engine"
    bl_label = "Switch to Cycles"
    bl_options = {"INTERNAL", "UNDO"}

    def execute(self, context):
        context.scene.render.engine = "CYCLES"
        return {"FINISHED"}


class P2P_RENDER_OT_fix_missing_files(bpy.types.Operator):
    """Choose a folder in which Blender looks for the missing files"""

    bl_idname = "p2p_render.fix_missing_files"
    bl_label = "Find Missing Files"
    bl_options = {"INTERNAL"}

    def execute(self, _context):
        bpy.ops.file.find_missing_files("INVOKE_DEFAULT")
        return {"FINISHED"}


class P2P_RENDER_OT_fix_unsaved_images(bpy.types.Operator):
    """Save all images that were painted on"""

    bl_idname = "p2p_render.fix_unsaved_images"
    bl_label = "Save Images"
    bl_options = {"INTERNAL"}

    def execute(self, _context):
        for image in bpy.data.images:
            if image.is_dirty and image.source == "FILE" and not image.packed_file:
                image.save()
        return {"FINISHED"}


class P2P_RENDER_OT_fix_save(bpy.types.Operator):
    """Save the file"""

    bl_idname = "p2p_render.fix_save"
    bl_label = "Save"
    bl_options = {"INTERNAL"}

    def execute(self, _context):
        bpy.ops.wm.save_mainfile("INVOKE_AREA")
        return {"FINISHED"}


class P2P_RENDER_OT_fix_denoising(bpy.types.Operator):
    """Switch denoising off, so that the frame can be cut into tiles"""

    bl_idname = "p2p_render.fix_denoising"
    bl_label = "Switch Denoising Off"
    bl_options = {"INTERNAL", "UNDO"}

    def execute(self, context):
        context.scene.cycles.use_denoising = False
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
