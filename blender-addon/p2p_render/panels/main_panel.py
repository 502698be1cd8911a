# SPDX-License-Identifier: GPL-2.0-or-later
"""Render on P2P: the two buttons, the swarm in one line, and what would go wrong."""

import bpy

from .. import preferences, preflight, properties
from ..closer_look import closer_look
from ..desk import desk
from ..in_words import count
from ..notices import notice
from ..scene_facts import facts_of
from ..stage import stage
from .place import RenderTab

ICONS = {preflight.ERROR: "CANCEL", preflight.WARNING: "ERROR", preflight.INFO: "INFO"}


class P2P_RENDER_PT_main(RenderTab, bpy.types.Panel):
    """Render on the swarm"""

    bl_label = "Render on P2P"
    # Under the choice of engine: the top of the tab, wherever a file has put its other panels.
    bl_parent_id = "RENDER_PT_context"

    def draw(self, context):
        column = self.layout.column()
        column.scale_y = 1.4
        column.operator("p2p_render.render_image", icon="RENDER_STILL")
        column.operator("p2p_render.render_animation", icon="RENDER_ANIMATION")
        facts = facts_of(context)
        draw_bridge(self.layout, facts)
        draw_findings(self.layout, context.scene, facts)
        if stage.failure and not stage.is_rendering:
            draw_message(self.layout, stage.failure, "ERROR")
        if notice.text:
            draw_message(self.layout, notice.text, notice.icon)


def draw_bridge(layout, facts):
    """The swarm as it is right now, in a line."""
    row = layout.row()
    if desk.is_ready:
        row.label(text=swarm_in_words(desk.swarm, facts), icon="WORLD")
    elif desk.state == "off":
        row.label(text="The bridge is not at work", icon="UNLINKED")
        row.operator("p2p_render.start_bridge", text="Start")
        if desk.message:
            draw_message(layout, desk.message, "ERROR")
            layout.operator("p2p_render.check", icon="CHECKMARK")
    else:
        row.label(text=desk.message or "Connecting", icon="SORTTIME")


def swarm_in_words(swarm, facts):
    """2 peers, 24 cores, 1 GPU; 1 with this Blender."""
    if swarm is None:
        return "Looking at the swarm"
    if not swarm.peers:
        where = swarm.this_computer.name if desk.is_apart else "this computer"
        return f"Only {where}, {count(swarm.this_computer.cores, 'core')}"
    cores, gpus = sum(peer.cores for peer in swarm.peers), sum(len(peer.gpus) for peer in swarm.peers)
    fitting = sum(preflight.fits(peer, facts, swarm) for peer in swarm.peers)
    power = count(cores, "core") + (f", {count(gpus, 'GPU')}" if gpus else "")
    return f"{count(len(swarm.peers), 'peer')}, {power}; {fitting} with this Blender"


def draw_findings(layout, scene, facts):
    """What would go wrong, with a button where one can mend it."""
    choices = properties.choices_of(scene, preferences.allowed())
    findings = preflight.look(facts, desk.swarm, choices)
    closer = closer_look.of(scene.name)
    if findings or closer:
        box = layout.box()
        for finding in findings:
            draw_message(box, finding.message, ICONS[finding.level])
            if finding.fix:
                row = box.row()
                row.label(text="", icon="BLANK1")
                row.operator(finding.fix, text=finding.label)
        for finding in closer:
            draw_message(box, " ".join(filter(None, (finding.message, finding.advice))), ICONS[finding.level])
    if desk.is_ready:
        layout.operator("p2p_render.look_closer", text="Looking" if closer_look.is_looking else "Look Closer", icon="VIEWZOOM")


def draw_message(layout, message, icon):
    """Broken into lines: labels do not wrap."""
    width = max(24, int(bpy.context.region.width / (6.6 * bpy.context.preferences.system.ui_scale)) - 6)
    column = layout.column(align=True)
    for number, line in enumerate(lines_of(message, width)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


def lines_of(text, width):
    """Words on lines of at most `width` characters."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_PT_main,))
