# SPDX-License-Identifier: GPL-2.0-or-later
"""Why frames of a scene cannot be cut into tiles that give the same bits.

Measured as equal between a crop and the full frame on 3.4.1, 4.3.2 and 5.2.2, hence no reasons: scrambling
distance (also automatic), blue noise, Window and Camera coordinates, panoramic, fisheye and orthographic
cameras, spherical stereo with pole merge, motion blur and rolling shutter, vector, mist, UV and cryptomatte
passes, depth of field, adaptive subdivision with off-screen dicing, camera culling, shadow catchers, volumes,
hair, ambient occlusion and bevel nodes, wide pixel filters, internal tiles, Grease Pencil.
"""

from __future__ import annotations

import bpy

from ..common import compat, cycles, denoise_recipe, devices, oidn
from ..common.wire import Json


def untileable_reasons(scene: bpy.types.Scene) -> list[Json]:
    """One message a reason, with a code."""
    name, engine = scene.name, scene.render.engine
    if not cycles.renders(scene):
        return [
            reason("engine", f'Scene "{name}" is rendered by {engine or "an unknown engine"}, which needs the whole frame at once.')
        ]
    return [found for check in CHECKS if (found := check(scene))]


def denoising(scene: bpy.types.Scene) -> Json | None:
    """A denoiser reads pixels far outside of a tile: the assembled frame is denoised, where that gives the same bits."""
    if not denoise_recipe.denoised_layers(scene):
        return None
    name, settings = scene.name, cycles.settings(scene)
    if settings.denoiser != "OPENIMAGEDENOISE" or (compat.may_denoise_on_gpu(scene) and devices.renders_on_gpu(scene)):
        return reason("denoising", f'Scene "{name}" is denoised on a GPU, which needs the whole frame at once.')
    if not oidn.is_usable():
        return reason(
            "denoising", f'Scene "{name}" is denoised, and this Blender can only denoise inside the render of a whole frame.'
        )
    if denoise_recipe.is_animated(scene):
        return reason("denoising", f'Scene "{name}" is denoised with animated settings, which needs the whole frame at once.')
    return None


def freestyle(scene: bpy.types.Scene) -> Json | None:
    """Measured: strokes end where a tile ends."""
    if scene.render.use_freestyle and any(layer.use and layer.use_freestyle for layer in scene.view_layers):
        return reason("freestyle", f'Scene "{scene.name}" has Freestyle lines, which change where a tile ends.')
    return None


def path_guiding(scene: bpy.types.Scene) -> Json | None:
    """Guiding is trained by all pixels of the render."""
    if cycles.settings(scene).use_guiding and cycles.is_built_with("path_guiding"):
        return reason("path-guiding", f'Scene "{scene.name}" uses path guiding, which learns from the whole frame.')
    return None


def time_limit(scene: bpy.types.Scene) -> Json | None:
    """With a time limit no two renders are equal."""
    if cycles.settings(scene).time_limit > 0:
        return reason("time-limit", f'Scene "{scene.name}" renders against a time limit, which counts for the whole frame.')
    return None


CHECKS = (denoising, freestyle, path_guiding, time_limit)


def reason(code: str, message: str) -> Json:
    """A reason as the bridge knows it."""
    return {"code": code, "message": message}
