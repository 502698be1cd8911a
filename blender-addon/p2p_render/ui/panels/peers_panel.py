# SPDX-License-Identifier: GPL-2.0-or-later
"""Which peers may render."""

import bpy

from ...bridge.bridge_client import bridge_client
from ...bridge.wire.generated import PeerSummary
from ...formatting import count, memory
from ...properties import P2P_RENDER_PG_settings, settings_of
from ...scene.current_scene import scene_of
from .base import SubPanel

MAX_SHOWN = 24


class P2P_RENDER_PT_peers(SubPanel, bpy.types.Panel):
    """Which peers may render"""

    bl_label = "Peers"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, settings_of(scene_of(context))
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "donors")
        if settings.donors != "LOCAL":
            layout.prop(settings, "local")
        swarm = bridge_client.swarm
        if swarm is None:
            return
        column = layout.column(align=True)
        for peer in sorted(swarm.peers, key=lambda peer: (not peer.open, peer.ping_ms or 0))[:MAX_SHOWN]:
            draw_peer(column, settings, peer)
        if not swarm.peers:
            column.label(text="Nobody else is in the swarm now", icon="INFO")


def draw_peer(column: bpy.types.UILayout, settings: P2P_RENDER_PG_settings, peer: PeerSummary) -> None:
    """Check box, name, hardware, ping."""
    row = column.row()
    if settings.donors == "LISTED":
        is_listed = settings.listed.find(peer.peer) >= 0
        toggle = row.operator(
            "p2p_render.toggle_peer", text="", icon="CHECKBOX_HLT" if is_listed else "CHECKBOX_DEHLT", emboss=False
        )
        setattr(toggle, "peer", peer.peer)  # noqa: B010 - the type stubs know no properties of our operators
    row.active = peer.open
    row.label(text=peer.name or peer.peer[-8:], icon="DESKTOP" if peer.open else "PAUSE")
    gpus = f", {count(len(peer.gpus), 'GPU')}" if peer.gpus else ""
    hardware = f"{count(peer.cores, 'core')}, {memory(peer.memory_bytes)}{gpus}"
    row.label(text=hardware if peer.open else peer.reason or "paused")
    right = row.row()
    right.alignment = "RIGHT"
    right.label(text="" if peer.ping_ms is None else f"{peer.ping_ms:.0f} ms")


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_PT_peers,))
