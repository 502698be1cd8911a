# SPDX-License-Identifier: GPL-2.0-or-later
"""Start the bridge; check the setup of this computer."""

import bpy

from ... import preferences
from ...bridge.bridge_client import bridge_client
from ...bridge.wire.generated import DoctorReport
from ..notices import notice
from .operator_result import OperatorResult


class P2P_RENDER_OT_start_bridge(bpy.types.Operator):
    """Start the bridge on this computer; it ends by itself when it is not used any more"""

    bl_idname = "p2p_render.start_bridge"
    bl_label = "Start the Bridge"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return bridge_client.state == "off"

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        bridge_client.when_ready(preferences.bridge_settings(), lambda: None, notice.show_error)
        return {"FINISHED"}


class P2P_RENDER_OT_check(bpy.types.Operator):
    """Check what works on this computer, and how to fix the rest; starts the bridge if none is running"""

    bl_idname = "p2p_render.check"
    bl_label = "Check"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        def found(answer: DoctorReport) -> None:
            bridge_client.findings = answer.findings
            failing = [finding for finding in answer.findings if finding.needed and not finding.ok]
            if failing:
                notice.show_error(f"{failing[0].what}: {failing[0].detail}")
            else:
                notice.show("Everything that is needed works")

        def ask() -> None:
            bridge_client.request("bridge.doctor", {}, found, notice.show_error)

        bridge_client.when_ready(preferences.bridge_settings(), ask, notice.show_error)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_start_bridge, P2P_RENDER_OT_check))
