# SPDX-License-Identifier: GPL-2.0-or-later
"""What is rendered, at what size, with what settings: plain facts of a scene as Blender would act on them."""

from __future__ import annotations

import os
import struct
from fractions import Fraction

import bpy

from ..common import compat, cycles, denoise_recipe
from ..common.wire import Json, ScriptError
from . import cycles_overscan, scene_paths

MOVIE_FORMATS = {"FFMPEG", "AVI_JPEG", "AVI_RAW"}


def file_facts(main: bpy.types.Scene, frames: list[int]) -> Json:
    """The facts of the job's main scene that are not about one engine's picture; `frames` are those asked for."""
    rate = frame_rate(main.render)
    settings = main.render.image_settings
    return {
        "blenderVersion": compat.version_text(),
        "scene": main.name,
        "frameCurrent": main.frame_current,
        "frameStart": main.frame_start,
        "frameEnd": main.frame_end,
        "frameStep": main.frame_step,
        "fps": {"numerator": rate.numerator, "denominator": rate.denominator},
        "output": {
            "format": settings.file_format,
            "isMovie": settings.file_format in MOVIE_FORMATS,
            "overwrite": main.render.use_overwrite,
            "existing": existing_frames(main, frames),
            "useExtension": main.render.use_file_extension,
            "path": output_path(main.render.filepath),
        },
        "hasDenoiser": cycles.is_built_with("openimagedenoise"),
    }


def existing_frames(main: bpy.types.Scene, frames: list[int]) -> list[int]:
    """Frames that Blender would skip, because the scene keeps pictures that are there (in multi-view: all of a frame's)."""
    render = main.render
    if render.use_overwrite or render.image_settings.file_format in MOVIE_FORMATS:
        return []
    single = not render.use_multiview or render.image_settings.views_format != "INDIVIDUAL"
    views = [""] if single else [view.name for view in render.views if view.use]
    return [frame for frame in frames if all(os.path.exists(render.frame_path(frame=frame, view=view)) for view in views)]


def output_path(path: str) -> str:
    """Absolute, as Blender makes it; an ending separator says that it is a folder, and stays."""
    absolute = scene_paths.absolute(path)
    return os.path.join(absolute, "") if not path or path.endswith(("/", "\\")) else absolute


def frame_rate(render: bpy.types.RenderSettings) -> Fraction:
    """Frames a second as a fraction: 30 / 1.001, which a float cannot hold, is 30000/1001."""
    return Fraction(render.fps) / simplest_fraction(render.fps_base)


def simplest_fraction(value: float) -> Fraction:
    """The fraction with the smallest power of ten as bound of its denominator that is this float."""
    for digits in range(8):
        fraction = Fraction(value).limit_denominator(10**digits)
        if fraction and to_float32(fraction) == to_float32(value):
            return fraction
    return Fraction(value)


def to_float32(value: float | Fraction) -> float:
    """Rounds to the precision of Blender's own numbers."""
    return struct.unpack("f", struct.pack("f", float(value)))[0]


def render_facts(scene: bpy.types.Scene) -> Json:
    """The facts of one scene's engine picture, at the scene's own size."""
    render = scene.render
    region = region_of(render)
    return {
        "name": scene.name,
        "engine": render.engine,
        "width": frame_size(render)[0],
        "height": frame_size(render)[1],
        "region": region,
        "cropped": render.use_border and render.use_crop_to_border,
        "samples": samples_of(scene),
        "adaptive": cycles.renders(scene) and cycles.settings(scene).use_adaptive_sampling,
        "overscanPx": cycles_overscan.overscan_of(scene),
        "denoised": len(denoise_recipe.denoised_layers(scene)) > 0,
        "viewLayers": [layer.name for layer in scene.view_layers if layer.use],
        "views": views_of(render),
    }


def denoise_recipe_of(scene: bpy.types.Scene) -> Json | None:
    """How the assembled frame is denoised; None if it is not."""
    region = region_of(scene.render)
    return denoise_recipe.recipe_of(scene, max(region["width"], region["height"]))


def size_of(facts: Json) -> Json:
    """What a scene takes over from the scene whose compositor asks for it."""
    size = {key: facts[key] for key in ("width", "height", "region", "cropped")}
    if size["region"]["width"] < 1 or size["region"]["height"] < 1:
        raise ScriptError("BLENDER_RENDER_FAILED", f'the render border of scene "{facts["name"]}" holds no pixel')
    return size


def frame_size(render: bpy.types.RenderSettings) -> tuple[int, int]:
    """Full frame in pixels: Blender cuts the fraction off."""
    percentage = render.resolution_percentage
    return render.resolution_x * percentage // 100, render.resolution_y * percentage // 100


def region_of(render: bpy.types.RenderSettings) -> dict[str, int]:
    """The rectangle that Blender renders: edges in 32-bit floats, fractions cut off."""
    width, height = frame_size(render)
    if not render.use_border:
        return {"x": 0, "y": 0, "width": width, "height": height}
    left, right = (int(to_float32(edge * width)) for edge in (render.border_min_x, render.border_max_x))
    bottom, top = (int(to_float32(edge * height)) for edge in (render.border_min_y, render.border_max_y))
    return {"x": left, "y": bottom, "width": max(0, right - left), "height": max(0, top - bottom)}


def views_of(render: bpy.types.RenderSettings) -> list[str]:
    """Names of the views that are rendered; one without a name where there is no multi-view."""
    if not render.use_multiview:
        return [""]
    stereo = render.views_format == "STEREO_3D"
    names = [view.name for view in render.views if view.use and (not stereo or view.name in {"left", "right"})]
    return names or [""]


def samples_of(scene: bpy.types.Scene) -> int:
    """Samples a pixel of the most demanding view layer."""
    if cycles.renders(scene):
        settings = cycles.settings(scene)
        return max(
            (cycles.layer_samples(settings, layer, settings.samples) for layer in scene.view_layers if layer.use),
            default=settings.samples,
        )
    if scene.render.engine.startswith("BLENDER_EEVEE") and scene.eevee is not None:
        return scene.eevee.taa_render_samples
    return 1
