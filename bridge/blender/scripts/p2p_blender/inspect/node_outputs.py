# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files the File Output nodes of a scene's compositor write, as far as that is known before the render."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import bpy

from ..common import compat
from . import scene_checks, scene_facts

# Nodes without an image size: from them alone Blender writes no file.
SIZELESS_NODES = {"RGB", "VALUE", "TIME", "CURVE_TIME", "SCENE_TIME", "TRACKPOS"}


@contextlib.contextmanager
def writers(main: bpy.types.Scene) -> Iterator[list[Callable[[int], str]]]:
    """Functions from frame to absolute path, one for each file of a frame; to be asked while this is open."""
    resolver = PathResolver(main.render)
    try:
        yield [
            functools.partial(resolver.path, pattern, settings, suffix)
            for node in file_output_nodes(main)
            for pattern, settings, sockets in compat.file_output_writes(node)
            if any(has_image_input(socket, main) for socket in sockets) and resolver.can_resolve(pattern)
            for suffix in suffixes(main.render, settings)
        ]
    finally:
        resolver.close()


class PathResolver:
    """Asks Blender how it names a picture of one format: by a scene of its own, since a scene's own settings do not all come back."""

    def __init__(self, render: bpy.types.RenderSettings) -> None:
        self._probe = bpy.data.scenes.new("probe")
        self._render = self._probe.render
        self._render.use_file_extension = render.use_file_extension
        self._render.filepath = "{{"
        self._has_templates = "{{" not in self._render.frame_path(frame=1)

    def can_resolve(self, pattern: str) -> bool:
        """Templates are filled in with what the node and its own scene are, which the probe is not."""
        return not (self._has_templates and "{" in pattern)

    def path(self, pattern: str, settings: bpy.types.ImageFormatSettings, suffix: str, frame: int) -> str:
        """The file of one frame."""
        own = self._render.image_settings
        if own.file_format != settings.file_format:
            compat.set_file_format(own, settings.file_format)
        if settings.file_format == "JPEG2000":
            own.jpeg2k_codec = settings.jpeg2k_codec
        self._render.filepath = pattern
        self._render.views["left"].file_suffix = suffix
        return os.path.abspath(self._render.frame_path(frame=frame, view="left"))

    def close(self) -> None:
        """Removes the helper scene."""
        bpy.data.scenes.remove(self._probe)


def suffixes(render: bpy.types.RenderSettings, settings: bpy.types.ImageFormatSettings) -> list[str]:
    """What distinguishes the files of one frame: one a view, or all views in one."""
    if not render.use_multiview:
        return [""]
    if settings.views_format == "MULTIVIEW":
        return [""]
    if settings.views_format == "STEREO_3D" and settings.file_format != "OPEN_EXR_MULTILAYER":
        return [""]
    return [render.views[view].file_suffix for view in scene_facts.views_of(render)]


def file_output_nodes(main: bpy.types.Scene) -> Iterator[Any]:
    """The File Output nodes that run when the scene is rendered; a sequencer's strips take the compositor's place."""
    if not main.render.use_compositing or scene_checks.has_active_sequencer(main):
        return
    yield from active_nodes(compat.compositor_tree(main))


def active_nodes(tree: Any, around: tuple[Any, ...] = ()) -> Iterator[Any]:
    """Those of a tree and its groups that are not muted."""
    if tree is None or tree in around:
        return
    for node in tree.nodes:
        if node.mute:
            continue
        if node.bl_idname == "CompositorNodeOutputFile":
            yield node
        elif node.type == "GROUP":
            yield from active_nodes(node.node_tree, (*around, tree))


def has_image_input(socket: Any, main: bpy.types.Scene) -> bool:
    """Whether something with a size comes in: a rendered layer, an image; what a group hands in counts."""
    waiting, seen = [socket], set()
    while waiting:
        for link in waiting.pop().links:
            node = link.from_node
            if link.is_muted or not link.is_valid or node in seen:
                continue
            seen.add(node)
            if is_image_source(node, main):
                return True
            waiting += node.inputs
    return False


def is_image_source(node: Any, main: bpy.types.Scene) -> bool:
    """Whether a node is a source of an image."""
    if node.type == "R_LAYERS":
        scene = node.scene or main
        return any(layer.use and layer.name == node.layer for layer in scene.view_layers)
    if node.type in {"IMAGE", "MOVIECLIP"}:
        return (node.image if node.type == "IMAGE" else node.clip) is not None
    return len(node.inputs) == 0 and node.type not in SIZELESS_NODES
