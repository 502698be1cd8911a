# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose power is used."""

import bpy

from ..desk import desk
from ..in_words import count, memory
from .place import UnderMain

MOST_SHOWN = 24


class P2P_RENDER_PT_peers(UnderMain, bpy.types.Panel):
    """Whose power is used"""

    bl_label = "Peers"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, settings = self.layout, context.scene.p2p_render
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "donors")
        if settings.donors != "LOCAL":
            layout.prop(settings, "local")
        if desk.swarm is None:
            return
        column = layout.column(align=True)
        for peer in sorted(desk.swarm.peers, key=lambda peer: (not peer.open, peer.ping_ms or 0))[:MOST_SHOWN]:
            draw_peer(column, settings, peer)
        if not desk.swarm.peers:
            column.label(text="Nobody else is in the swarm now", icon="INFO")


def draw_peer(column, settings, peer):
    """Tick, name, power, ping."""
    row = column.row()
    if settings.donors == "LISTED":
        icon = "CHECKBOX_HLT" if peer.peer in settings.listed else "CHECKBOX_DEHLT"
        row.operator("p2p_render.toggle_peer", text="", icon=icon, emboss=False).peer = peer.peer
    row.active = peer.open
    row.label(text=peer.name or peer.peer[-8:], icon="DESKTOP" if peer.open else "PAUSE")
    power = f"{count(peer.cores, 'core')}, {memory(peer.memory_bytes)}" + (f", {count(len(peer.gpus), 'GPU')}" if peer.gpus else "")
    row.label(text=power if peer.open else peer.reason or "rests")
    right = row.row()
    right.alignment = "RIGHT"
    right.label(text="" if peer.ping_ms is None else f"{peer.ping_ms:.0f} ms")


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_PT_peers,))
