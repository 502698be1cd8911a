# SPDX-License-Identifier: GPL-2.0-or-later
"""The check box of a peer in the list."""

# No `from __future__ import annotations` here: Blender reads the annotations of operators.
from typing import TYPE_CHECKING

import bpy
from bpy.props import StringProperty

from ...properties import settings_of
from ...scene.current_scene import scene_of
from .operator_result import OperatorResult


class P2P_RENDER_OT_toggle_peer(bpy.types.Operator):
    """Allow this peer to render the scene, or not"""

    bl_idname = "p2p_render.toggle_peer"
    bl_label = "Use This Peer"
    bl_options = {"INTERNAL", "UNDO"}

    if TYPE_CHECKING:
        peer: str
    else:
        peer: StringProperty(options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        listed = settings_of(scene_of(context)).listed
        index = listed.find(self.peer)
        if index < 0:
            listed.add().name = self.peer
        else:
            listed.remove(index)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_toggle_peer,))
