# SPDX-License-Identifier: GPL-2.0-or-later
"""How a scene is rendered on the swarm: properties that are saved in the scene."""

# No `from __future__ import annotations` here: Blender reads the annotations of property groups.
from typing import TYPE_CHECKING, Any, Literal, cast

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from .bridge.job_submission import SceneSettings

DONORS = (
    ("ALL", "Everybody", "Every peer in the swarm that accepts jobs"),
    ("LISTED", "Chosen Peers", "Only the peers that are checked below"),
    ("LOCAL", "This Computer", "Only the computer of the bridge: nothing leaves it"),
)
TILES = (
    (
        "AUTO",
        "Automatic",
        "As many tiles as keep all peers busy; animations are divided into whole frames, the last ones into tiles",
    ),
    ("GRID", "Grid", "A grid of your own"),
    ("OFF", "Whole Frames", "Each frame is rendered by one peer"),
)
VERIFY = (
    ("off", "Off", "Trust every peer"),
    ("spot", "Samples", "Render small parts of the results again, more of them for new peers"),
    ("full", "Everything", "Render all results of other computers again: slow and certain"),
)


class P2P_RENDER_PG_listed_peer(bpy.types.PropertyGroup):
    """A peer that is checked; its `name` is its id"""

    if TYPE_CHECKING:
        name: str


class P2P_RENDER_PG_settings(bpy.types.PropertyGroup):
    """How this scene is rendered on the swarm"""

    if TYPE_CHECKING:
        donors: str
        listed: bpy.types.bpy_prop_collection_idprop[P2P_RENDER_PG_listed_peer]
        local: bool
        tiles: str
        columns: int
        rows: int
        verify: str
        make_video: bool
        play: bool
        engine_before: str
    else:
        donors: EnumProperty(name="Peers", description="Which computers render", items=DONORS, default="ALL")
        listed: CollectionProperty(type=P2P_RENDER_PG_listed_peer)
        local: BoolProperty(name="This Computer Helps", description="The computer of the bridge renders, too", default=True)
        tiles: EnumProperty(name="Tiles", description="How a frame is divided", items=TILES, default="AUTO")
        columns: IntProperty(name="Columns", description="Number of tiles in a row", min=1, max=64, default=4)
        rows: IntProperty(name="Rows", description="Number of tiles in a column", min=1, max=64, default=4)
        verify: EnumProperty(name="Verify", description="How results of other computers are checked", items=VERIFY, default="spot")
        make_video: BoolProperty(name="Video", description="Make an MP4 video of an animation's frames, beside them", default=False)
        play: BoolProperty(name="Play When Done", description="Open an animation in the player when it is done", default=True)
        # Not shown: see engine_switch.
        engine_before: StringProperty(options={"HIDDEN"})


def settings_of(scene: bpy.types.Scene) -> P2P_RENDER_PG_settings:
    """The properties of a scene; `register` adds them to Blender's class."""
    return cast(Any, scene).p2p_render


def submission_settings(scene: bpy.types.Scene, allowed: tuple[str, ...]) -> SceneSettings:
    """The properties as plain values; `allowed` are the peers of the preferences."""
    settings = settings_of(scene)
    return SceneSettings(
        donors=settings.donors,
        listed=tuple(peer.name for peer in settings.listed),
        allowed=allowed,
        local=settings.local,
        tiles=settings.tiles,
        columns=settings.columns,
        rows=settings.rows,
        verify=cast(Literal["off", "spot", "full"], settings.verify),
    )


CLASSES = (P2P_RENDER_PG_listed_peer, P2P_RENDER_PG_settings)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    cast(Any, bpy.types.Scene).p2p_render = PointerProperty(type=P2P_RENDER_PG_settings)


def unregister() -> None:
    del cast(Any, bpy.types.Scene).p2p_render
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
