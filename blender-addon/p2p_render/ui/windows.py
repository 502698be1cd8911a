# SPDX-License-Identifier: GPL-2.0-or-later
"""The windows and areas that are open."""

import bpy


def window_manager() -> bpy.types.WindowManager:
    """The type stubs allow for none, which happens only while Blender starts or exits."""
    manager = bpy.context.window_manager
    assert manager is not None
    return manager


def open_windows() -> list[bpy.types.Window]:
    """Empty while Blender runs in the background."""
    return list(window_manager().windows)


def areas_of(window: bpy.types.Window | None, kind: str) -> list[bpy.types.Area]:
    """The areas of one editor type; scripts without a window have none."""
    screen = window.screen if window is not None else None
    return [area for area in screen.areas if area.type == kind] if screen is not None else []
