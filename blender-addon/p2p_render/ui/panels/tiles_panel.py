# SPDX-License-Identifier: GPL-2.0-or-later
"""How frames are divided, checked and put together."""

import bpy

from ...properties import settings_of
from ...scene.current_scene import scene_of
from .base import SubPanel


class P2P_RENDER_PT_tiles(SubPanel, bpy.types.Panel):
    """How frames are divided into tiles and how results are checked"""

    bl_label = "Tiles and Checks"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        scene = scene_of(context)
        layout, settings = self.layout, settings_of(scene)
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "tiles")
        if settings.tiles == "GRID":
            column = layout.column(align=True)
            column.prop(settings, "columns")
            column.prop(settings, "rows")
        layout.prop(settings, "verify")
        column = layout.column(heading="Animation")
        row = column.row()
        row.active = not scene.render.is_movie_format
        row.prop(settings, "make_video")
        column.prop(settings, "play")


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_PT_tiles,))
