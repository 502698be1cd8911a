# SPDX-License-Identifier: GPL-2.0-or-later
"""Collects the facts about the open scene that the preflight needs; cheap enough for a panel's draw."""

import importlib
import os
from typing import Any

import bpy

from ..properties import settings_of
from .missing_files import is_read_from_file, missing_files
from .preflight import SceneFacts
from .render_engine import cycles_settings


def facts_of(scene: bpy.types.Scene) -> SceneFacts:
    """As things are now; missing files as of a moment ago."""
    has_camera = scene.camera is not None or any(marker.camera for marker in scene.timeline_markers)
    return SceneFacts(
        engine=settings_of(scene).engine_before or scene.render.engine,
        has_camera=has_camera,
        cameras=tuple(item.name for item in scene.objects if item.type == "CAMERA"),
        is_saved=bool(bpy.data.filepath),
        is_dirty=bpy.data.is_dirty,
        missing_files=missing_files.names,
        unsaved_images=tuple(image.name for image in bpy.data.images if image.is_dirty and is_read_from_file(image)),
        is_denoised=_is_denoised(scene),
        can_denoise=_can_denoise(),
        uses_freestyle=scene.render.use_freestyle,
        build_hash=bpy.app.build_hash.decode("ascii", "replace"),
        version=bpy.app.version_string.split()[0],
        program=os.path.realpath(bpy.app.binary_path),
    )


def _is_denoised(scene: bpy.types.Scene) -> bool:
    cycles = cycles_settings(scene)
    if cycles is None or not cycles.use_denoising:
        return False
    return any(getattr(cycles_settings(layer), "use_denoising", True) for layer in scene.view_layers)


def _can_denoise() -> bool:
    try:
        cycles: Any = importlib.import_module("_cycles")  # exists inside Blender only
    except ImportError:
        return False
    return bool(getattr(cycles, "with_openimagedenoise", False))
