# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings that a chunk changes in a scene, and checks before the render."""

from __future__ import annotations

import os

import bpy

from ..common import compat, cycles, denoise_recipe
from ..common.wire import Json, ScriptError
from .overrides import Overrides

# Blender's own bounds: a resolution of 4 to 65536 pixels, frames 0 to MAXFRAME.
MIN_SIDE, MAX_SIDE, LAST_FRAME = 4, 65_536, 1_048_574

# Set by a raw chunk: animation of these properties is muted.
RAW_PATHS = frozenset(
    f"render.{name}"
    for name in (
        "resolution_x",
        "resolution_y",
        "resolution_percentage",
        "use_border",
        "use_crop_to_border",
        "border_min_x",
        "border_max_x",
        "border_min_y",
        "border_max_y",
        "use_compositing",
        "use_sequencer",
        "use_freestyle",
    )
) | {"cycles.use_denoising", "cycles.use_auto_tile"}

# Set by a chunk with half the samples.
SAMPLES_PATHS = frozenset(("cycles.samples", "cycles.sample_offset", "cycles.sample_subset_length"))


def scene_of(spec: Json) -> bpy.types.Scene:
    """The scene that a chunk names."""
    for scene in bpy.data.scenes:
        if scene.name == spec["scene"] and scene.library is None:
            return scene
    raise ScriptError("SCENE_UNKNOWN", f'the file has no scene "{spec["scene"]}"')


def check_frame(frame: int) -> None:
    """Blender clamps frames silently, and would render another one."""
    if not 0 <= frame <= LAST_FRAME:
        raise ScriptError("BLENDER_RENDER_FAILED", f"frame {frame} is outside Blender's 0 to {LAST_FRAME}")


def check_rect(spec: Json) -> None:
    """Blender clamps a border silently, and would return another rectangle."""
    width, height, rect = spec["width"], spec["height"], spec["rect"]
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        raise ScriptError("BLENDER_RENDER_FAILED", f"a frame of {width}x{height} is outside Blender's bounds")
    inside_x = rect["x"] >= 0 and rect["width"] > 0 and rect["x"] + rect["width"] <= width
    inside_y = rect["y"] >= 0 and rect["height"] > 0 and rect["y"] + rect["height"] <= height
    if not (inside_x and inside_y):
        raise ScriptError("BLENDER_RENDER_FAILED", f"the rectangle {rect} is outside the frame of {width}x{height}")


def check_camera(scene: bpy.types.Scene) -> None:
    """Without a camera Blender ends with a report that reads differently in each version."""
    if scene.camera is None and not any(marker.camera for marker in scene.timeline_markers):
        raise ScriptError("SCENE_NO_CAMERA", f'scene "{scene.name}" has no camera')


def check_denoiser(scene: bpy.types.Scene) -> None:
    """A build without the denoiser ends such a render without a picture and without a useful exit code."""
    if denoise_recipe.denoised_layers(scene) and not cycles.is_built_with("openimagedenoise"):
        raise ScriptError("DENOISER_MISSING", f'scene "{scene.name}" denoises, and this Blender is built without OpenImageDenoise')


def set_rectangle(overrides: Overrides, render: bpy.types.RenderSettings, spec: Json) -> None:
    """The full frame's size at 100 %, and the rectangle as a cropped border where it is not the whole frame."""
    width, height, rect = spec["width"], spec["height"], spec["rect"]
    part = rect["width"] < width or rect["height"] < height
    overrides.set(render, resolution_x=width, resolution_y=height, resolution_percentage=100)
    overrides.set(render, use_border=part, use_crop_to_border=part)
    if part:
        # A quarter of a pixel more: Blender cuts the fraction off, and float rounding must not lose a whole pixel.
        overrides.set(
            render,
            border_min_x=(rect["x"] + 0.25) / width,
            border_max_x=min(1.0, (rect["x"] + rect["width"] + 0.25) / width),
            border_min_y=(rect["y"] + 0.25) / height,
            border_max_y=min(1.0, (rect["y"] + rect["height"] + 0.25) / height),
        )


def set_float_output(overrides: Overrides, render: bpy.types.RenderSettings, codec: str) -> None:
    """Every pass, layer and view as the engine made it, in one file of one part; nothing of finishing, nothing about this machine."""
    overrides.image_settings(
        render.image_settings,
        "OPEN_EXR_MULTILAYER",
        color_mode="RGBA",
        color_depth="32",
        exr_codec=codec,
        views_format="MULTIVIEW",
        use_preview=False,
        use_exr_interleave=True,
        color_management="FOLLOW_SCENE",
    )
    stamps = {prop.identifier: False for prop in render.bl_rna.properties if prop.identifier.startswith("use_stamp")}
    overrides.set(render, **stamps)
    # Freestyle's strokes are drawn over the assembled frame, by the finishing Blender.
    overrides.set(render, use_compositing=False, use_sequencer=False, use_freestyle=False, use_file_extension=True)
    set_fresh_output(overrides, render)


def set_fresh_output(overrides: Overrides, render: bpy.types.RenderSettings) -> None:
    """The folder is new: the scene's overwrite and placeholder settings do not apply."""
    overrides.set(render, use_overwrite=True, use_placeholder=False, use_single_layer=False)


def set_file_output(overrides: Overrides, render: bpy.types.RenderSettings, output: Json) -> None:
    """The requester's -F and -x, as Blender's command line would have set them."""
    overrides.set(render, use_file_extension=output["useExtension"])
    if render.image_settings.file_format != output["format"]:
        try:
            overrides.image_settings(render.image_settings, output["format"])
        except TypeError as error:
            raise ScriptError("BLENDER_RENDER_FAILED", f"this Blender does not write {output['format']}") from error


def set_denoise_off(overrides: Overrides, scene: bpy.types.Scene) -> None:
    """The noisy picture alone."""
    if cycles.renders(scene):
        overrides.set(cycles.settings(scene), use_denoising=False)


def set_denoise_later(overrides: Overrides, scene: bpy.types.Scene, film: Json | None) -> None:
    """The assembled frame will be denoised: the passes that it needs are stored."""
    for owner, name, value in list(denoise_recipe.changes_for_tiles(scene, film)):
        overrides.set(owner, **{name: value})


def set_half(overrides: Overrides, scene: bpy.types.Scene, half: str) -> None:
    """The first or the second half of the samples alone; of a single one, another one."""
    overrides.mute_animation(scene, SAMPLES_PATHS)
    start, count = compat.sample_range(scene)
    first = (count + 1) // 2
    start, count = (start, first) if half == "first" else (start + first, max(1, count - first))
    for layer in scene.view_layers:
        if layer.samples > 0:
            overrides.set(layer, samples=compat.layer_samples(scene, start, max(1, layer.samples // 2)))
    overrides.set(cycles.settings(scene), **compat.sample_range_values(scene, start, count))


def set_frame_range(overrides: Overrides, scene: bpy.types.Scene, frame: int) -> None:
    """The scene's own range shrinks to one frame, for a render operator that has no range of its own."""
    overrides.mute_animation(scene, {"frame_start", "frame_end", "frame_step"})
    overrides.keep(scene, "frame_start", "frame_end", "frame_step")
    scene.frame_start = frame
    scene.frame_end = frame
    scene.frame_step = 1


def redirect_nodes(overrides: Overrides, scene: bpy.types.Scene, folder: str) -> None:
    """Each File Output node writes into a folder of its own: nodes of one name may not overwrite each other."""
    tree = compat.compositor_tree(scene)
    nodes = [node for node in tree.nodes if node.bl_idname == "CompositorNodeOutputFile"] if tree else []
    for index, node in enumerate(nodes):
        overrides.file_output(node, os.path.join(folder, "nodes", str(index), ""))
