# SPDX-License-Identifier: GPL-2.0-or-later
"""Hides objects that only a render engine needs: evaluating them would be most of the cost of finishing a frame."""

from __future__ import annotations

from typing import Any

import bpy

from . import compat
from .node_trees import nodes_of

# Cameras are read by compositor nodes, speakers by the mixdown of a movie.
KEPT_TYPES = {"CAMERA", "SPEAKER"}
HIDING_PATHS = {"hide_render", "hide_viewport"}


def strip_scene(scene: bpy.types.Scene, engine_id: str) -> None:
    """Hides all objects but cameras, unless something rendered by this process needs them."""
    if any(needs_objects(each, engine_id) for each in rendered_scenes(scene)):
        return
    for item in bpy.data.objects:
        if item.type not in KEPT_TYPES:
            for curve in compat.animation_curves(item):
                if curve.data_path in HIDING_PATHS:
                    curve.mute = True
            item.hide_render = True
            item.hide_viewport = True
    # Without this, Blender 5.2 crashes on files with several scenes.
    view_layer = bpy.context.view_layer
    if view_layer is not None:
        view_layer.update()


def rendered_scenes(main: bpy.types.Scene) -> set[bpy.types.Scene]:
    """The scenes that a picture of `main` is made of: its own, and those of strips, Render Layers nodes and sets, theirs too."""
    found: set[bpy.types.Scene] = set()
    waiting: list[bpy.types.Scene | None] = [main]
    while waiting:
        scene = waiting.pop()
        if scene is None or scene in found:
            continue
        found.add(scene)
        waiting.append(scene.background_set)
        waiting += [strip.scene for strip in compat.strips_of(scene) if strip.type == "SCENE"]
        tree = compat.compositor_tree(scene)
        waiting += [node.scene for node in nodes_of(tree) if node.bl_idname == "CompositorNodeRLayers"]
    return found


def needs_objects(scene: bpy.types.Scene, engine_id: str) -> bool:
    """Freestyle reads geometry; a scene of another engine is rendered here; a driver may read hide flags."""
    if scene.render.use_freestyle or scene.render.engine != engine_id:
        return True
    tree = compat.compositor_tree(scene)
    owners = [scene] + ([tree] if tree else [])
    return any(reads_hide_flags(curve) for owner in owners for curve in compat.animation_curves(owner))


def reads_hide_flags(curve: Any) -> bool:
    """True for a driver with a variable that reads an object's hide flags."""
    variables = curve.driver.variables if curve.driver else []
    return any("hide_" in target.data_path for variable in variables for target in variable.targets)
