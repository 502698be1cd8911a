# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the open file writes to: its scenes' outputs, and File Output nodes. Main thread only."""

import bpy


def scene_outputs():
    """Each place that Blender itself does not keep right when a copy is saved elsewhere: (owner, name of its property)."""
    scenes = [(scene.render, "filepath") for scene in bpy.data.scenes if not scene.library]
    return scenes + [(node, property_of(node)) for node in file_outputs()]


def file_outputs():
    """All File Output nodes of our own; those of linked trees cannot be changed."""
    legacy = [scene.node_tree for scene in bpy.data.scenes if not hasattr(scene, "compositing_node_group") and scene.node_tree]
    groups = [tree for tree in bpy.data.node_groups if tree.bl_idname == "CompositorNodeTree"]
    return [node for tree in legacy + groups if not tree.library for node in tree.nodes if node.type == "OUTPUT_FILE"]


def property_of(node):
    """Another one since Blender 5."""
    return "directory" if hasattr(node, "directory") else "base_path"


def name_in(node):
    """What of a File Output node's path is no folder: the name of its one file."""
    is_one_file = property_of(node) == "base_path" and node.format.file_format == "OPEN_EXR_MULTILAYER"
    return node.base_path.replace("\\", "/").rpartition("/")[2] if is_one_file else ""
