# SPDX-License-Identifier: GPL-2.0-or-later
"""Where our panels are."""

from typing import TYPE_CHECKING, Any

import bpy


class RenderPanel:
    """In Properties > Render, whatever the engine."""

    # Any: as plain texts they would clash with the enums of the type stubs.
    bl_space_type: Any = "PROPERTIES"
    bl_region_type: Any = "WINDOW"
    bl_context = "render"

    if TYPE_CHECKING:
        layout: bpy.types.UILayout


class SubPanel(RenderPanel):
    """A part of "Render on P2P"."""

    bl_parent_id = "P2P_RENDER_PT_main"
