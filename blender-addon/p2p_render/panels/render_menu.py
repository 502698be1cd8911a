# SPDX-License-Identifier: GPL-2.0-or-later
"""The same two in Blender's Render menu."""

import bpy


def draw(self, _context):
    self.layout.separator()
    self.layout.operator("p2p_render.render_image", icon="RENDER_STILL")
    self.layout.operator("p2p_render.render_animation", icon="RENDER_ANIMATION")


def register():
    bpy.types.TOPBAR_MT_render.append(draw)


def unregister():
    bpy.types.TOPBAR_MT_render.remove(draw)
