# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a scene holds volumes: Cycles treats such scenes differently from 5.0 on."""

from __future__ import annotations

from typing import Any

import bpy


def has_volume(scene: bpy.types.Scene) -> bool:
    """Whether something that Cycles renders as a volume is in the scene."""
    trees = [scene.world.node_tree] if scene.world else []
    for item in scene.objects:
        if item.type == "VOLUME":
            return True
        trees += [slot.material.node_tree for slot in item.material_slots if slot.material]
    # Instances bring objects of other collections: a volume anywhere in the file counts.
    trees += [material.node_tree for material in bpy.data.materials if material.users]
    return any(tree is not None and is_volume_tree(tree) for tree in trees)


def is_volume_tree(tree: Any) -> bool:
    """Whether an output of these nodes has something linked to its Volume socket."""
    outputs = (node for node in tree.nodes if node.bl_idname in {"ShaderNodeOutputMaterial", "ShaderNodeOutputWorld"})
    return any(socket.name == "Volume" and socket.is_linked for node in outputs for socket in node.inputs)
