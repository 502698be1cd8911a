# SPDX-License-Identifier: GPL-2.0-or-later
"""Our two render operators in Blender's Render menu."""

from typing import Any

import bpy

# The type stubs lack the first parameter of draw functions.
menu: Any = bpy.types.TOPBAR_MT_render


def draw(self: Any, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.operator("p2p_render.render_image", icon="RENDER_STILL")
    self.layout.operator("p2p_render.render_animation", icon="RENDER_ANIMATION")


def register() -> None:
    menu.append(draw)


def unregister() -> None:
    menu.remove(draw)
