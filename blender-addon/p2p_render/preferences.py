# SPDX-License-Identifier: GPL-2.0-or-later
"""What belongs to this computer and not to a scene: where the bridge is, which peers are allowed."""

# No `from __future__ import annotations` here: Blender reads the annotations of preferences.
from typing import TYPE_CHECKING, cast

import bpy
from bpy.props import StringProperty

from . import constants
from .bridge.bridge_client import bridge_client
from .bridge.discovery import BridgeSettings, find_running, why_unreachable
from .bridge.wire.generated import DoctorFinding

SHOWN = ("bridge", "home", "token", "address", "swarm", "donors")


class P2P_RENDER_AP_preferences(bpy.types.AddonPreferences):
    """The add-on's page in the preferences"""

    bl_idname = constants.ADDON

    if TYPE_CHECKING:
        layout: bpy.types.UILayout
        bridge: str
        home: str
        token: str
        address: str
        swarm: str
        donors: str
    else:
        bridge: StringProperty(
            name="Bridge",
            description="The program p2p-render, or the folder of its project; empty: searched on this computer",
            subtype="FILE_PATH",
        )
        home: StringProperty(
            name="Bridge's Home",
            description="The folder in which the bridge keeps its data; empty: the default",
            subtype="DIR_PATH",
        )
        token: StringProperty(
            name="Token",
            description="Authenticates this Blender; empty: read from the file that the bridge has written",
            subtype="PASSWORD",
        )
        address: StringProperty(
            name="Address",
            description="127.0.0.1 and the port of a bridge on another computer, behind a tunnel, with its token above; "
            "empty: the bridge of this computer is used, and started when it is needed",
        )
        swarm: StringProperty(
            name="Swarm", description="The swarm that a bridge started by this add-on joins; empty: the bridge's default"
        )
        donors: StringProperty(
            name="Peers Allowed",
            description="Ids of the only peers that may render, separated by spaces; empty: all that the scene's settings allow",
        )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        for name in SHOWN:
            layout.prop(self, name)
        settings = bridge_settings()
        if settings.address and find_running(settings) is None:
            layout.label(text=why_unreachable(settings), icon="ERROR")
        row = layout.row()
        row.operator("p2p_render.check", icon="CHECKMARK")
        row.operator("p2p_render.start_bridge", icon="PLAY")
        if bridge_client.findings:
            draw_findings(layout.box(), bridge_client.findings)
        elif bridge_client.message:
            layout.label(text=bridge_client.message, icon="INFO")


def draw_findings(layout: bpy.types.UILayout, findings: tuple[DoctorFinding, ...]) -> None:
    """What works, and how to fix the rest."""
    column = layout.column(align=True)
    for finding in findings:
        column.label(
            text=f"{finding.what}: {finding.detail}", icon="CHECKMARK" if finding.ok else "ERROR" if finding.needed else "INFO"
        )
        if not finding.ok and finding.fix:
            column.label(text=finding.fix, icon="BLANK1")


def user_preferences() -> bpy.types.Preferences:
    """Blender's preferences; the type stubs allow for none, which does not happen."""
    preferences = bpy.context.preferences
    assert preferences is not None
    return preferences


def addon_preferences() -> P2P_RENDER_AP_preferences | None:
    """None while the add-on is not enabled as one (a script has registered it)."""
    addon = user_preferences().addons.get(constants.ADDON)
    return cast(P2P_RENDER_AP_preferences, addon.preferences) if addon else None


def bridge_settings() -> BridgeSettings:
    """Where the bridge is, as plain values."""
    preferences = addon_preferences()
    if preferences is None:
        return BridgeSettings()
    return BridgeSettings(
        program=bpy.path.abspath(preferences.bridge) if preferences.bridge else "",
        home=bpy.path.abspath(preferences.home) if preferences.home else "",
        swarm=preferences.swarm.strip(),
        token=preferences.token.strip(),
        address=preferences.address.strip(),
    )


def allowed_peers() -> tuple[str, ...]:
    """The only peers that may render; empty: all."""
    preferences = addon_preferences()
    return tuple(preferences.donors.replace(",", " ").split()) if preferences else ()


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_AP_preferences,))
