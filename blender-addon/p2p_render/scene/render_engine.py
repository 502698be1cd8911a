# SPDX-License-Identifier: GPL-2.0-or-later
"""The render engine of a scene. Engines register at run time, so the type stubs know only Blender's default one."""

from typing import Any

import bpy


def set_engine(scene: bpy.types.Scene, engine: str) -> None:
    render: Any = scene.render
    render.engine = engine


def cycles_settings(owner: bpy.types.Scene | bpy.types.ViewLayer) -> Any:
    """Cycles' own settings of a scene or a view layer: a property group that Cycles registers; None where it is off."""
    return getattr(owner, "cycles", None)
