# SPDX-License-Identifier: GPL-2.0-or-later
"""How it is rendered."""

import bpy

from .place import UnderMain


class P2P_RENDER_PT_choices(UnderMain, bpy.types.Panel):
    """How it is rendered"""

    bl_label = "Tiles and Checks"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, settings = self.layout, context.scene.p2p_render
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
        row.active = not context.scene.render.is_movie_format
        row.prop(settings, "make_video")
        column.prop(settings, "play")


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_PT_choices,))
