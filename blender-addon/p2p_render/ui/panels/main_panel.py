# SPDX-License-Identifier: GPL-2.0-or-later
"""Render on P2P: the two buttons, the swarm in one line, and the preflight."""

import bpy

from ... import preferences, properties
from ...bridge.bridge_client import bridge_client
from ...bridge.wire.generated import SwarmStatus
from ...formatting import count
from ...render.render_handoff import render_handoff
from ...scene import preflight
from ...scene.current_scene import scene_of
from ...scene.scene_check import scene_check
from ...scene.scene_facts import facts_of
from ..notices import notice
from .base import RenderPanel
from .text_lines import draw_message

ICONS = {preflight.ERROR: "CANCEL", preflight.WARNING: "ERROR", preflight.INFO: "INFO"}


class P2P_RENDER_PT_main(RenderPanel, bpy.types.Panel):
    """Render on the swarm"""

    bl_label = "Render on P2P"
    # Under the choice of engine: at the top of the tab, wherever a file has put its other panels.
    bl_parent_id = "RENDER_PT_context"

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.scale_y = 1.4
        column.operator("p2p_render.render_image", icon="RENDER_STILL")
        column.operator("p2p_render.render_animation", icon="RENDER_ANIMATION")
        scene = scene_of(context)
        facts = facts_of(scene)
        draw_bridge(self.layout, facts)
        draw_findings(self.layout, scene, facts)
        if render_handoff.failure and not render_handoff.is_rendering:
            draw_message(self.layout, render_handoff.failure, "ERROR")
        if notice.text:
            draw_message(self.layout, notice.text, notice.icon)


def draw_bridge(layout: bpy.types.UILayout, facts: preflight.SceneFacts) -> None:
    """The bridge and the swarm, in a line."""
    row = layout.row()
    if bridge_client.is_ready:
        row.label(text=swarm_text(bridge_client.swarm, facts), icon="WORLD")
    elif bridge_client.state == "off":
        row.label(text="The bridge is not running", icon="UNLINKED")
        row.operator("p2p_render.start_bridge", text="Start")
        if bridge_client.message:
            draw_message(layout, bridge_client.message, "ERROR")
            layout.operator("p2p_render.check", icon="CHECKMARK")
    else:
        row.label(text=bridge_client.message or "Connecting", icon="SORTTIME")


def swarm_text(swarm: SwarmStatus | None, facts: preflight.SceneFacts) -> str:
    """2 peers, 24 cores, 1 GPU; 1 with this Blender."""
    if swarm is None:
        return "Reading the swarm's status"
    if not swarm.peers:
        name = swarm.this_computer.name if bridge_client.is_remote else "this computer"
        return f"Only {name}, {count(swarm.this_computer.cores, 'core')}"
    cores, gpus = sum(peer.cores for peer in swarm.peers), sum(len(peer.gpus) for peer in swarm.peers)
    matching = sum(preflight.has_same_blender(peer, facts, swarm) for peer in swarm.peers)
    hardware = count(cores, "core") + (f", {count(gpus, 'GPU')}" if gpus else "")
    return f"{count(len(swarm.peers), 'peer')}, {hardware}; {matching} with this Blender"


def draw_findings(layout: bpy.types.UILayout, scene: bpy.types.Scene, facts: preflight.SceneFacts) -> None:
    """What would go wrong, with a button where the add-on can fix it."""
    settings = properties.submission_settings(scene, preferences.allowed_peers())
    findings = preflight.check(facts, bridge_client.swarm, settings)
    checked = scene_check.findings_for(scene.name)
    if findings or checked:
        box = layout.box()
        for finding in findings:
            draw_message(box, finding.message, ICONS[finding.level])
            if finding.fix:
                row = box.row()
                row.label(text="", icon="BLANK1")
                row.operator(finding.fix, text=finding.label)
        for checked_finding in checked:
            text = " ".join(filter(None, (checked_finding.message, checked_finding.advice)))
            draw_message(box, text, ICONS[checked_finding.level])
    if bridge_client.is_ready:
        layout.operator("p2p_render.check_scene", text="Checking" if scene_check.is_running else "Check Scene", icon="VIEWZOOM")


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_PT_main,))
