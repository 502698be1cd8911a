# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the open file writes to: its scenes' outputs, and File Output nodes. Main thread only."""

from typing import Any

import bpy


def scene_outputs() -> list[tuple[Any, str]]:
    """The output paths that Blender itself does not remap when a copy is saved elsewhere: (owner, name of its property)."""
    scenes: list[tuple[Any, str]] = [(scene.render, "filepath") for scene in bpy.data.scenes if not scene.library]
    return scenes + [(node, path_property(node)) for node in file_output_nodes()]


def file_output_nodes() -> list[Any]:
    """All File Output nodes of the file itself; linked node trees cannot be changed."""
    # Since Blender 5 a scene has a compositing node group instead of a tree of its own.
    trees: list[Any] = [
        getattr(scene, "node_tree", None) for scene in bpy.data.scenes if not hasattr(scene, "compositing_node_group")
    ]
    trees += [tree for tree in bpy.data.node_groups if tree.bl_idname == "CompositorNodeTree"]
    return [node for tree in trees if tree is not None and not tree.library for node in tree.nodes if node.type == "OUTPUT_FILE"]


def path_property(node: Any) -> str:
    """Renamed in Blender 5."""
    return "directory" if hasattr(node, "directory") else "base_path"


def file_name_of(node: Any) -> str:
    """The part of a File Output node's path that is a file name: only multilayer nodes before Blender 5 have one."""
    is_one_file = path_property(node) == "base_path" and node.format.file_format == "OPEN_EXR_MULTILAYER"
    return node.base_path.replace("\\", "/").rpartition("/")[2] if is_one_file else ""
