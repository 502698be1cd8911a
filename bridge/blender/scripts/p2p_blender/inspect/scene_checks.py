# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks before a job: the file opened, the flags were understood, the scene can be rendered."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from typing import Any, TypeVar

import bpy

from ..common import compat
from ..common.node_trees import nodes_of
from ..common.wire import ScriptError

Value = TypeVar("Value", bound=Hashable)

# Names that -F takes where they are not the id itself; what 3.4, 4.3 and 5.2 take was tried, their help is out of date.
FORMAT_IDS = {
    "TGA": "TARGA",
    "RAWTGA": "TARGA_RAW",
    "AVIRAW": "AVI_RAW",
    "AVIJPEG": "AVI_JPEG",
    "EXR": "OPEN_EXR",
    "MULTILAYER": "OPEN_EXR_MULTILAYER",
    "JP2": "JPEG2000",
}


def check_opened(path: str) -> None:
    """Blender may start without the file that it was given, or with part of a file of a newer version."""
    if not bpy.data.filepath or not os.path.samefile(bpy.data.filepath, path):
        raise ScriptError("SCENE_UNREADABLE", f"Blender did not open {path}")
    saved, own = compat.saved_version()[:2], compat.version()[:2]
    if saved > own:
        raise ScriptError(
            "SCENE_TOO_NEW", f"{path} was saved by Blender {saved[0]}.{saved[1]}, and this machine has Blender {own[0]}.{own[1]}"
        )


def check_flags(main: bpy.types.Scene, scene_name: str | None, file_format: str | None) -> None:
    """Blender only prints that it did not understand -S or -F, and uses the file's own settings."""
    if scene_name is not None and main.name != scene_name:
        names = ", ".join(f'"{scene.name}"' for scene in bpy.data.scenes)
        raise ScriptError("SCENE_UNKNOWN", f'the file has no scene "{scene_name}"; it has {names}')
    if file_format is not None and main.render.image_settings.file_format != FORMAT_IDS.get(file_format, file_format):
        raise ScriptError("USAGE", f'this Blender writes no format "{file_format}" (-F)')


def check_cameras(main: bpy.types.Scene) -> None:
    """Refuses scenes that Blender cannot render because they have no camera."""
    for scene in scenes_in_need_of_camera(main):
        if not has_camera(scene):
            raise ScriptError("SCENE_NO_CAMERA", f'scene "{scene.name}" has no camera')


def scenes_in_need_of_camera(main: bpy.types.Scene) -> list[bpy.types.Scene]:
    """The scenes whose own 3D world is rendered: of scene strips, of Render Layers nodes, or the main scene."""
    if has_active_sequencer(main):
        return unique(
            source
            for strip in active_strips(main)
            if strip.type == "SCENE" and strip.scene and strip.scene_input == "CAMERA" and strip.scene_camera is None
            for source in composited_scenes(strip.scene)
        )
    return composited_scenes(main)


def composited_scenes(scene: bpy.types.Scene) -> list[bpy.types.Scene]:
    """The scenes that a scene's compositor takes layers of, in groups too; the scene itself where the compositor is off."""
    tree = compat.compositor_tree(scene) if scene.render.use_compositing else None
    if tree is None:
        return [scene]
    nodes = [node for node in nodes_of(tree) if node.bl_idname == "CompositorNodeRLayers" and not node.mute]
    return unique(node.scene or scene for node in nodes)


def has_active_sequencer(scene: bpy.types.Scene) -> bool:
    """Whether the sequencer makes the picture, and not the camera: one strip that is not sound is enough."""
    return scene.render.use_sequencer and any(strip.type != "SOUND" for strip in active_strips(scene))


def active_strips(scene: bpy.types.Scene) -> list[Any]:
    """The strips that are not muted, those inside meta strips too."""
    return [strip for strip in compat.strips_of(scene) if not strip.mute]


def has_camera(scene: bpy.types.Scene) -> bool:
    """Blender takes the active camera, one bound to a marker, or else any that the view layers hold."""
    if scene.camera is not None or any(marker.camera for marker in scene.timeline_markers):
        return True
    return any(item.type == "CAMERA" for layer in scene.view_layers for item in layer.objects)


def unique(values: Iterable[Value]) -> list[Value]:
    """Each value once, in order."""
    return list(dict.fromkeys(values))
