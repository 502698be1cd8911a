# SPDX-License-Identifier: GPL-2.0-or-later
"""What a donor does not run of an untrusted scene, beyond what Blender itself skips with auto-execution off.

Switching it off would change the image: the chunk is refused, and the requester's own machine renders it.
"""

from __future__ import annotations

import bpy

from . import cycles
from .node_trees import nodes_of
from .wire import Json, ScriptError


def check_scripts(scene: bpy.types.Scene, spec: Json) -> None:
    """Refuses a chunk whose render would run the scene's own scripts."""
    reason = reason_refused(scene, draws_freestyle=spec["kind"] == "files")
    if reason is not None:
        raise ScriptError("SCENE_RUNS_SCRIPTS", f'scene "{scene.name}" {reason}, which donors do not run')


def reason_refused(scene: bpy.types.Scene, draws_freestyle: bool) -> str | None:
    """Why donors do not render this scene; None when they do. For raw chunks, Freestyle is rendered by the requester."""
    if draws_freestyle and freestyle_scripts(scene):
        return "draws Freestyle lines by Python scripts of its own"
    if runs_osl(scene):
        return "shades by scripts of its own (Open Shading Language)"
    return None


def freestyle_scripts(scene: bpy.types.Scene) -> bool:
    """Whether Freestyle would run text blocks: it does so with auto-execution off, too. Its parameter mode runs Blender's own alone."""
    if not scene.render.use_freestyle:
        return False
    return any(
        layer.use
        and layer.use_freestyle
        and layer.freestyle_settings.mode == "SCRIPT"
        and any(module.use and module.script for module in layer.freestyle_settings.modules)
        for layer in scene.view_layers
    )


def runs_osl(scene: bpy.types.Scene) -> bool:
    """Whether Cycles would compile and run script nodes."""
    if not cycles.renders(scene) or not cycles.settings(scene).shading_system or not cycles.is_built_with("osl"):
        return False
    owners = (*bpy.data.materials, *bpy.data.worlds, *bpy.data.lights)
    trees = [owner.node_tree for owner in owners if owner.node_tree is not None]
    return any(node.type == "SCRIPT" for tree in trees for node in nodes_of(tree))
