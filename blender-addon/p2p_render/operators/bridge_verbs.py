# SPDX-License-Identifier: GPL-2.0-or-later
"""Start the bridge; ask it what works."""

import bpy

from .. import preferences
from ..desk import desk
from ..notices import notice


class P2P_RENDER_OT_start_bridge(bpy.types.Operator):
    """Start the bridge on this computer; it ends by itself when nobody needs it"""

    bl_idname = "p2p_render.start_bridge"
    bl_label = "Start the Bridge"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context):
        return desk.state == "off"

    def execute(self, _context):
        desk.when_ready(preferences.place(), lambda: None, lambda message: notice.say(message, "ERROR"))
        return {"FINISHED"}


class P2P_RENDER_OT_check(bpy.types.Operator):
    """See what works on this computer, and how to mend the rest; starts the bridge where none runs"""

    bl_idname = "p2p_render.check"
    bl_label = "Check"
    bl_options = {"INTERNAL"}

    def execute(self, _context):
        def found(answer):
            desk.findings = answer.findings
            lacking = [finding for finding in answer.findings if finding.needed and not finding.ok]
            notice.say(
                "Everything that is needed works" if not lacking else f"{lacking[0].what}: {lacking[0].detail}",
                "INFO" if not lacking else "ERROR",
            )

        def failed(message):
            notice.say(message, "ERROR")

        desk.when_ready(preferences.place(), lambda: desk.ask("bridge.doctor", {}, found, failed), failed)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_start_bridge, P2P_RENDER_OT_check))
