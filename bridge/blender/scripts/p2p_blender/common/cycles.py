# SPDX-License-Identifier: GPL-2.0-or-later
"""Cycles: its settings, which an add-on defines and Blender's own types do not name, and what it was built with."""

from __future__ import annotations

from typing import Any

import bpy


def has_settings(scene: bpy.types.Scene) -> bool:
    """False in a Blender that was built without Cycles."""
    return "cycles" in scene.bl_rna.properties


def settings(owner: Any) -> Any:
    """Cycles' settings of a scene or of a view layer."""
    return owner.cycles


def renders(scene: bpy.types.Scene) -> bool:
    """Whether Cycles renders this scene, and its settings are there to be read."""
    return scene.render.engine == "CYCLES" and has_settings(scene)


def is_built_with(feature: str) -> bool:
    """Whether a feature is compiled in: "openimagedenoise", "osl", "path_guiding". Without it Cycles ignores its setting."""
    try:
        import _cycles  # absent where Cycles is
    except ImportError:
        return False
    return bool(vars(_cycles).get(f"with_{feature}"))


def layer_samples(settings: Any, layer: bpy.types.ViewLayer, samples: int) -> int:
    """A view layer's samples, where the scene has so many: it may ask for its own; the scene says whether that counts."""
    if layer.samples == 0 or settings.use_layer_samples == "IGNORE":
        return samples
    return min(layer.samples, samples) if settings.use_layer_samples == "BOUNDED" else layer.samples
