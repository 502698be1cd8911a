# SPDX-License-Identifier: GPL-2.0-or-later
"""The artist's choices, kept in the scene."""

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from .job_submission import Choices

DONORS = (
    ("ALL", "Everybody", "Everybody in the swarm who takes work"),
    ("LISTED", "Chosen Peers", "Only the peers that are ticked below"),
    ("LOCAL", "This Computer", "Only the computer of the bridge: nothing leaves it"),
)
TILES = (
    ("AUTO", "Automatic", "As many tiles as keep all peers busy; animations go by whole frames, the last ones in tiles"),
    ("GRID", "Grid", "A grid of your own"),
    ("OFF", "Whole Frames", "Each frame is rendered by one peer"),
)
VERIFY = (
    ("off", "Off", "Believe every peer"),
    ("spot", "Samples", "Render small pieces of results again, more of peers that are new"),
    ("full", "Everything", "Render all results of others again: slow and certain"),
)


class P2P_RENDER_PG_listed_peer(bpy.types.PropertyGroup):
    """A peer that is ticked; its `name` is its id"""


class P2P_RENDER_PG_settings(bpy.types.PropertyGroup):
    """How this scene is rendered on the swarm"""

    donors: EnumProperty(name="Peers", description="Whose power is used", items=DONORS, default="ALL")
    listed: CollectionProperty(type=P2P_RENDER_PG_listed_peer)
    local: BoolProperty(name="This Computer Helps", description="The computer of the bridge renders, too", default=True)
    tiles: EnumProperty(name="Tiles", description="How a frame is cut", items=TILES, default="AUTO")
    columns: IntProperty(name="Columns", description="Tiles beside each other", min=1, max=64, default=4)
    rows: IntProperty(name="Rows", description="Tiles above each other", min=1, max=64, default=4)
    verify: EnumProperty(name="Verify", description="How results of other people's computers are checked", items=VERIFY, default="spot")
    make_video: BoolProperty(name="Video", description="Make an MP4 video of an animation's frames, beside them", default=False)
    play: BoolProperty(name="Play When Done", description="Open an animation in the player when it is done", default=True)
    # Not for people: see engine_switch.
    engine_before: StringProperty(options={"HIDDEN"})


def choices_of(scene, allowed):
    """The settings as plain values."""
    settings = scene.p2p_render
    return Choices(
        donors=settings.donors,
        listed=tuple(peer.name for peer in settings.listed),
        allowed=allowed,
        local=settings.local,
        tiles=settings.tiles,
        columns=settings.columns,
        rows=settings.rows,
        verify=settings.verify,
    )


CLASSES = (P2P_RENDER_PG_listed_peer, P2P_RENDER_PG_settings)


def register():
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.p2p_render = PointerProperty(type=P2P_RENDER_PG_settings)


def unregister():
    del bpy.types.Scene.p2p_render
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
