# SPDX-License-Identifier: GPL-2.0-or-later
"""Where our panels are."""


class RenderTab:
    """Properties > Render, whatever the engine."""

    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"


class UnderMain(RenderTab):
    """A part of "Render on P2P"."""

    bl_parent_id = "P2P_RENDER_PT_main"
