# SPDX-License-Identifier: GPL-2.0-or-later
"""Tick a peer in the list, or untick it."""

import bpy
from bpy.props import StringProperty


class P2P_RENDER_OT_toggle_peer(bpy.types.Operator):
    """Let this peer render the scene, or not"""

    bl_idname = "p2p_render.toggle_peer"
    bl_label = "Use This Peer"
    bl_options = {"INTERNAL", "UNDO"}
    peer: StringProperty(options={"HIDDEN"})

    def execute(self, context):
        listed = context.scene.p2p_render.listed
        at = listed.find(self.peer)
        if at < 0:
            listed.add().name = self.peer
        else:
            listed.remove(at)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_toggle_peer,))
