# SPDX-License-Identifier: GPL-2.0-or-later
"""How long persistent data of a scene may be kept between renders: it saves a scene sync, and must not change a pixel.

Blender does not bring everything that it kept up to date for another frame, nor for another view layer. Seen in 3.4 to 5.0,
against renders that kept nothing: hair and particles on what moves or deforms, animated settings of the scene (simplify), depth
of field by keyframes, volumes that are another file at every frame, points; with several view layers, passes of the second.
"""

from __future__ import annotations

from typing import Any

import bpy

from ..common import compat
from ..common.wire import Json

ALWAYS, WITHIN_A_FRAME, NEVER = "always", "within a frame", "never"


def persistence_of(scene: bpy.types.Scene) -> str:
    """How long this scene's data may be kept."""
    if sum(layer.use for layer in scene.view_layers) > 1:
        return NEVER
    return WITHIN_A_FRAME if any(check(scene) for check in CHECKS) else ALWAYS


class PersistentData:
    """Persistent data of each scene of the loaded file."""

    def __init__(self) -> None:
        self._last_frames: dict[str, int] = {}
        self._persistence: dict[str, str] = {}

    def prepare(self, scene: bpy.types.Scene, spec: Json) -> None:
        """Before a render: frees persistent data that would be wrong for it, and enables persistent data where it is safe.

        Not restored after the chunk: Blender frees the data as soon as the setting is off.
        """
        name, frame = scene.name, spec["frame"]
        if name not in self._persistence:  # once for all chunks: it looks at the whole file
            self._persistence[name] = persistence_of(scene)
        persistence = NEVER if "stepFrom" in spec else self._persistence[name]
        if persistence == WITHIN_A_FRAME and self._last_frames.get(name) != frame:
            set_persistent(scene, wanted=False)
        set_persistent(scene, wanted=persistence != NEVER)
        self._last_frames[name] = frame


def set_persistent(scene: bpy.types.Scene, *, wanted: bool) -> None:
    if scene.render.use_persistent_data != wanted:
        scene.render.use_persistent_data = wanted


def has_particles(_scene: bpy.types.Scene) -> bool:
    return any(item.particle_systems for item in bpy.data.objects)


def has_hair_or_points(_scene: bpy.types.Scene) -> bool:
    return compat.has_hair_or_points() or makes_points()


def makes_points() -> bool:
    """Geometry nodes that make points, which Cycles renders as they are."""
    return any(node.bl_idname in POINT_NODES for tree in bpy.data.node_groups for node in tree.nodes)


POINT_NODES = frozenset(("GeometryNodeMeshToPoints", "GeometryNodeMeshToVolume", "GeometryNodeCurveToPoints", "GeometryNodePoints"))


def has_animated_focus(_scene: bpy.types.Scene) -> bool:
    return any(is_animated(camera) for camera in bpy.data.cameras if camera.dof is not None and camera.dof.use_dof)


def has_volume_sequences(_scene: bpy.types.Scene) -> bool:
    return any(volume.is_sequence for volume in bpy.data.volumes)


def is_animated(block: Any) -> bool:
    """Whether a data-block is animated; of a scene, its settings."""
    data = block.animation_data
    return data is not None and (data.action is not None or len(data.drivers) > 0 or len(data.nla_tracks) > 0)


CHECKS = (has_particles, has_hair_or_points, is_animated, has_animated_focus, has_volume_sequences)
