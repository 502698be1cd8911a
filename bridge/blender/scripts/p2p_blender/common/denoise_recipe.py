# SPDX-License-Identifier: GPL-2.0-or-later
"""How a denoised Cycles scene is rendered noisy in tiles and denoised once on the assembled frame, with the bits of one render.

A denoiser reads the whole picture, so no tile can be denoised on its own. What Cycles hands to the denoiser is rounded
several times; the recipe says how the same floats are got back from passes in a file (S: sum of a pixel's samples, n:
their number, N: the samples of the render, E: film exposure; Cycles: integrator/denoiser_oidn.cpp, pass_accessor.cpp):

"mean": the passes hold all that is needed. Always so where N and E are powers of two, and where Cycles keeps a count for every
    pixel ("counted": adaptive sampling, internal tiles, the count pass, from 5.0 on volumes) and E is a power of two.
"sum": not counted, and S cannot be got back from S * (1/N * E). Tiles are rendered at another film exposure, at which the
    pass is S times a power of two, and everything is put back afterwards.
"near": neither is possible; S is taken as the nearest float. Relative differences of about 5e-6 remain (measured).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

import bpy

from . import compat, cycles
from .volumes import has_volume
from .wire import Json

# Passes that Cycles divides by a colour pass: their film exposure cannot be put back.
DIVIDED = tuple(f"use_pass_{kind}_{path}" for kind in ("diffuse", "glossy", "transmission") for path in ("direct", "indirect"))
# Film exposures of tiles: larger ones would show live pictures far too bright.
MAX_EXPOSURE = 2.0**20
# How many floats around the wanted film exposure are tried.
TRIED_STEPS = 40


def denoised_layers(scene: bpy.types.Scene) -> list[bpy.types.ViewLayer]:
    """View layers that Cycles denoises."""
    if not cycles.renders(scene) or not cycles.settings(scene).use_denoising:
        return []
    return [layer for layer in scene.view_layers if layer.use and cycles.settings(layer).use_denoising]


def recipe_of(scene: bpy.types.Scene, longest_side: int) -> Json | None:
    """The recipe of the scene as the artist left it, before anything is overridden; None if nothing is denoised.

    `longest_side`: of the rectangle that one render would make, in pixels.
    """
    if not denoised_layers(scene):
        return None
    settings = cycles.settings(scene)
    layers = [layer_facts(scene, layer, longest_side) for layer in scene.view_layers if layer.use]
    way, film = way_of(scene, layers)
    return {
        "way": way,
        "film": film,
        "exposure": to_float32(settings.film_exposure),
        "adaptive": settings.use_adaptive_sampling,
        "catcher": has_catcher(scene),
        "transparent": scene.render.film_transparent,
        "guides": settings.denoising_input_passes,
        "prefilter": settings.denoising_prefilter,
        "quality": compat.denoising_quality(scene),
        "layers": layers,
    }


def layer_facts(scene: bpy.types.Scene, layer: bpy.types.ViewLayer, longest_side: int) -> Json:
    """What of a view layer decides about its denoising, and which passes the artist's own render has."""
    settings, own = cycles.settings(scene), cycles.settings(layer)
    _, samples = compat.sample_range(scene)
    return {
        "name": layer.name,
        "denoised": own.use_denoising,
        "samples": cycles.layer_samples(settings, layer, samples),
        "counted": settings.use_adaptive_sampling
        or (settings.use_auto_tile and longest_side > max(settings.tile_size, 8))  # session/tile.cpp
        or own.pass_debug_sample_count
        or (compat.counts_volume_samples(scene) and has_volume(scene)),
        "countPass": own.pass_debug_sample_count,
        "guidePasses": own.denoising_store_passes,
        "catcherPass": own.use_pass_shadow_catcher,
        "environmentPass": layer.use_pass_environment,
    }


def way_of(scene: bpy.types.Scene, layers: list[Json]) -> tuple[str, Json | None]:
    """The way, and for "sum" the film exposure of tiles."""
    settings = cycles.settings(scene)
    denoised = [layer for layer in layers if layer["denoised"]]
    all_samples = {layer["samples"] for layer in layers}
    if is_power_of_two(to_float32(settings.film_exposure)) and all(
        layer["counted"] or is_power_of_two(layer["samples"]) for layer in denoised
    ):
        return "mean", None
    is_divided = any(getattr(layer, name) for layer in scene.view_layers if layer.use for name in DIVIDED)
    if settings.use_adaptive_sampling or is_divided or len(all_samples) != 1:
        return "near", None
    film = film_for_sums(settings, all_samples.pop())
    return ("sum", film) if film else ("near", None)


def film_for_sums(settings: Any, samples: int) -> Json | None:
    """A film exposure at which a pass is its sum times (nearly) a power of two, near the scene's own.

    With the light tree off, Cycles divides the exposure by the light sampling threshold: that quotient stays what it was.
    """
    exposure = to_float32(settings.film_exposure)
    threshold = 0.0 if settings.use_light_tree else to_float32(settings.light_sampling_threshold)
    quotient = to_float32(exposure / threshold) if threshold else 0.0
    largest = min(settings.bl_rna.properties["film_exposure"].hard_max, MAX_EXPOSURE)
    start = float(samples)
    while start > min(largest, exposure * math.sqrt(2.0)):
        start /= 2.0
    reciprocal = to_float32(1.0 / samples)
    found = []
    for steps in range(-TRIED_STEPS, TRIED_STEPS + 1):
        film = step_float(start, steps)
        light = light_threshold_for(film, quotient) if threshold else 0.0
        if light is None or film <= 0.0 or film > largest:
            continue
        scale = to_float32(reciprocal * film)
        mantissa = math.frexp(scale)[0]
        found.append((min(mantissa - 0.5, 1.0 - mantissa), abs(steps), {"exposure": film, "lightThreshold": light, "scale": scale}))
    return min(found, key=lambda each: each[:2])[2] if found else None


def light_threshold_for(film: float, quotient: float) -> float | None:
    """A light sampling threshold with film / threshold == quotient in floats."""
    near = to_float32(film / quotient)
    tries = (step_float(near, steps) for steps in range(-3, 4))
    return next((light for light in tries if 0.0 < light <= 1.0 and to_float32(film / light) == quotient), None)


def changes_for_tiles(scene: bpy.types.Scene, film: Json | None) -> Iterator[tuple[Any, str, Any]]:
    """(owner, property, value) of all that a tile is rendered with, so that the assembled frame can be denoised."""
    denoised = denoised_layers(scene)
    if not denoised:
        return
    settings = cycles.settings(scene)
    yield settings, "use_denoising", False
    # A tile larger than Cycles' internal tiles would be cut on another grid than the frame.
    yield settings, "use_auto_tile", False
    if film:
        yield settings, "film_exposure", film["exposure"]
        if film["lightThreshold"]:
            yield settings, "light_sampling_threshold", film["lightThreshold"]
    for layer in denoised:
        own = cycles.settings(layer)
        yield own, "denoising_store_passes", True
        if settings.use_adaptive_sampling:
            yield own, "pass_debug_sample_count", True
        if has_catcher(scene) and not own.use_pass_shadow_catcher:
            yield own, "use_pass_shadow_catcher", True
            # Never with a transparent film: Cycles would add the world to the albedo that guides the denoiser.
            if not scene.render.film_transparent:
                yield layer, "use_pass_environment", True


# Animation of these is no case for the recipe, which is made once for all frames.
DECISIVE = (
    "cycles.use_denoising",
    "cycles.denois",
    "cycles.samples",
    "cycles.sample_",
    "cycles.use_sample_subset",
    "cycles.film_exposure",
    "cycles.adaptive_",
    "cycles.use_adaptive_sampling",
    "cycles.use_light_tree",
    "cycles.light_sampling_threshold",
    "cycles.tile_size",
    "cycles.use_auto_tile",
    "render.film_transparent",
    "view_layers",
)


def is_animated(scene: bpy.types.Scene) -> bool:
    """Whether something that the recipe depends on has curves or drivers."""
    return any(curve.data_path.startswith(DECISIVE) for curve in compat.animation_curves(scene))


def has_catcher(scene: bpy.types.Scene) -> bool:
    """Whether something catches shadows; lights are marked by default, which Cycles ignores."""
    return any(item.is_shadow_catcher for item in scene.objects if item.type not in {"LIGHT", "CAMERA"})


def is_power_of_two(value: float) -> bool:
    return value > 0 and math.frexp(value)[0] == 0.5


def to_float32(value: float) -> float:
    """Rounds to the precision that Cycles computes in."""
    return struct.unpack("f", struct.pack("f", value))[0]


def step_float(value: float, steps: int) -> float:
    """The float that is so many floats away; of a positive one."""
    (bits,) = struct.unpack("I", struct.pack("f", value))
    return struct.unpack("f", struct.pack("I", bits + steps))[0]
