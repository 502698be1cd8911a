# SPDX-License-Identifier: GPL-2.0-or-later
"""What Blender's context holds while no window is open."""

from __future__ import annotations

import bpy


def context_scene() -> bpy.types.Scene:
    """The scene that Blender was started with; there always is one."""
    scene = bpy.context.scene
    if scene is None:
        raise RuntimeError("Blender has no scene in its context")
    return scene
