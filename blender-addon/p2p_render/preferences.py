# SPDX-License-Identifier: GPL-2.0-or-later
"""What belongs to this computer and not to a scene: where the bridge is, which peers may ever be asked."""

import bpy
from bpy.props import StringProperty

from . import names
from .bridge_process import BridgePlace, find_running, why_not_there
from .desk import desk


class P2P_RENDER_AP_preferences(bpy.types.AddonPreferences):
    """The add-on's page in the preferences"""

    bl_idname = names.ADDON

    bridge: StringProperty(
        name="Bridge",
        description="The program p2p-render, or the folder of its project; empty: looked for on this computer",
        subtype="FILE_PATH",
    )
    home: StringProperty(
        name="Bridge's Home", description="The folder in which the bridge keeps its data; empty: the usual one", subtype="DIR_PATH"
    )
    token: StringProperty(
        name="Token",
        description="The word that lets this Blender in; empty: read from the file that the bridge has written",
        subtype="PASSWORD",
    )
    address: StringProperty(
        name="Address",
        description="127.0.0.1 and the port of a bridge on another computer, behind a tunnel, with its token above; empty: the bridge of this "
        "computer is used, and started when it is needed",
    )
    swarm: StringProperty(name="Swarm", description="The swarm that a bridge started from here joins; empty: the bridge's own choice")
    donors: StringProperty(
        name="Peers Allowed",
        description="Ids of the only peers that may be asked, separated by spaces; empty: all that the scene's settings allow",
    )

    def draw(self, _context):
        layout = self.layout
        layout.use_property_split = True
        for name in ("bridge", "home", "token", "address", "swarm", "donors"):
            layout.prop(self, name)
        if self.address and find_running(place()) is None:
            layout.label(text=why_not_there(place()), icon="ERROR")
        row = layout.row()
        row.operator("p2p_render.check", icon="CHECKMARK")
        row.operator("p2p_render.start_bridge", icon="PLAY")
        if desk.findings:
            draw_findings(layout.box(), desk.findings)
        elif desk.message:
            layout.label(text=desk.message, icon="INFO")


def draw_findings(layout, findings):
    """What works, and how to mend the rest."""
    column = layout.column(align=True)
    for finding in findings:
        column.label(text=f"{finding.what}: {finding.detail}", icon="CHECKMARK" if finding.ok else "ERROR" if finding.needed else "INFO")
        if not finding.ok and finding.mend:
            column.label(text=finding.mend, icon="BLANK1")


def own():
    """The preferences, or None while the add-on is not enabled as one (a script has registered it)."""
    addon = bpy.context.preferences.addons.get(names.ADDON)
    return addon.preferences if addon else None


def place():
    """Where the bridge is."""
    mine = own()
    if mine is None:
        return BridgePlace()
    return BridgePlace(
        program=bpy.path.abspath(mine.bridge) if mine.bridge else "",
        home=bpy.path.abspath(mine.home) if mine.home else "",
        swarm=mine.swarm.strip(),
        token=mine.token.strip(),
        address=mine.address.strip(),
    )


def allowed():
    """The only peers that may be asked; empty: all."""
    mine = own()
    return tuple(mine.donors.replace(",", " ").split()) if mine else ()


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_AP_preferences,))
