# SPDX-License-Identifier: GPL-2.0-or-later
"""A small JPEG of what was just rendered, in the scene's own view transform: for display, never for assembly."""

from __future__ import annotations

import os
import traceback

import bpy

from .overrides import Overrides

# It costs a conversion of every pixel: 1080p is the largest that stays small beside its render.
MAX_PIXELS = 1920 * 1088
QUALITY = 80


def save_preview(scene: bpy.types.Scene, pixels: int, path: str) -> str | None:
    """Returns the path, or None when the picture is too large or none could be made: that is no failure of the chunk.

    Never in multi-view: there 3.4 keeps the render result locked when a second preview fails, and the next render waits for ever.
    """
    if pixels > MAX_PIXELS or scene.render.use_multiview:
        return None
    try:
        result = next(image for image in bpy.data.images if image.type == "RENDER_RESULT")
        with Overrides() as overrides:
            overrides.image_settings(
                scene.render.image_settings, "JPEG", color_mode="RGB", quality=QUALITY, color_management="FOLLOW_SCENE"
            )
            result.save_render(path, scene=scene)
    except (StopIteration, RuntimeError):
        traceback.print_exc()
    return path if os.path.exists(path) else None
