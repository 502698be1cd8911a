# SPDX-License-Identifier: GPL-2.0-or-later
"""Every file that the opened .blend reads, as Blender resolves it; what is packed inside needs none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import bpy

from ..common import compat, rna
from ..common.context import context_scene
from ..common.wire import Json, ScriptError
from . import scene_caches, scene_paths

# Paths, each with the kind of its file.
Files = Iterator[tuple[str, str]]

OUTPUT_NODES = {"CompositorNodeOutputFile"}
NODE_KINDS = {"ShaderNodeScript": "text", "ShaderNodeTexIES": "ies"}


def collect(scene_path: str, limit: int) -> list[Json]:
    """All files, the .blend first; a file is listed once. More than `limit` of them are refused."""
    kinds = {os.path.abspath(scene_path): "blend", os.path.abspath(bpy.data.filepath): "blend"}
    if len(kinds) > 1:
        del kinds[os.path.abspath(bpy.data.filepath)]
    for source in SOURCES:
        for path, kind in source():
            kinds.setdefault(path, kind)
            if len(kinds) > limit:
                raise ScriptError("USAGE", f"the scene reads more than {limit} files")
    for path in other_files():
        if path not in kinds and os.path.isfile(path):
            kinds[path] = "other"
    return [
        {"path": path, "kind": kind, "missing": not os.path.isfile(path)} for path, kind in kinds.items() if not os.path.isdir(path)
    ]


def libraries() -> Files:
    """Linked .blend files, those that they link too. An archive (5.0) is a copy inside this file."""
    for library in bpy.data.libraries:
        if not library.packed_file and not compat.is_packed_archive(library):
            yield scene_paths.library_path(library), "library"


def images() -> Files:
    """Image textures and compositor images: single, sequences, movies, tiles, stereo pairs."""
    for image in bpy.data.images:
        if image.source in {"GENERATED", "VIEWER"} or not image.filepath or image.packed_file or image.packed_files:
            continue
        path = scene_paths.absolute(image.filepath, image.library)
        pairs = image.use_multiview and image.views_format == "INDIVIDUAL"
        for view in scene_paths.views(path, context_scene()) if pairs else [path]:
            yield from image_files(image, view)


def image_files(image: bpy.types.Image, path: str) -> Files:
    """The files behind one image data-block."""
    if image.source == "MOVIE":
        yield path, "movie"
    elif image.source == "SEQUENCE":
        yield from ((each, "image") for each in scene_paths.sequence(path))
    elif image.source == "TILED":
        yield from ((each, "image") for each in scene_paths.udim(path, [tile.number for tile in image.tiles]))
    else:
        yield path, "image"


def clips() -> Files:
    """Movie clips: movies or image sequences."""
    for clip in bpy.data.movieclips:
        path = scene_paths.absolute(clip.filepath, clip.library)
        if clip.source == "SEQUENCE":
            yield from ((each, "image") for each in scene_paths.sequence(path))
        else:
            yield path, "movie"


def single_files() -> Files:
    """Data-blocks that are one file each."""
    for kind, blocks in (("font", bpy.data.fonts), ("sound", bpy.data.sounds)):
        for block in blocks:
            if block.filepath and block.filepath != "<builtin>" and not block.packed_file:
                yield scene_paths.absolute(block.filepath, block.library), kind


def volumes() -> Files:
    """OpenVDB files, one or one a frame."""
    for volume in bpy.data.volumes:
        if volume.filepath and not volume.packed_file:
            path = scene_paths.absolute(volume.filepath, volume.library)
            yield from ((each, "volume") for each in (scene_paths.sequence(path) if volume.is_sequence else [path]))


def cache_files() -> Files:
    """Alembic and USD files, their layers and sequences."""
    for cache in bpy.data.cache_files:
        names = [cache.filepath] + [layer.filepath for layer in cache.layers]
        for path in (scene_paths.absolute(name, cache.library) for name in names if name):
            yield from ((each, "cache") for each in (scene_paths.sequence(path) if cache.is_sequence else [path]))


def simulation_caches() -> Files:
    """What simulations left on disk."""
    yield from ((path, "cache") for path in scene_caches.cache_files())


def node_files() -> Files:
    """Files that nodes name themselves: OSL scripts, IES profiles, imported geometry."""
    for tree, library in all_node_trees():
        for node in tree.nodes:
            if node.bl_idname in OUTPUT_NODES or rna.value_of(node, "mode") == "INTERNAL":
                continue
            for name in file_properties(node) + file_sockets(node):
                yield scene_paths.absolute(name, library), NODE_KINDS.get(node.bl_idname, "other")


def all_node_trees() -> Iterator[tuple[Any, bpy.types.Library | None]]:
    """Every node tree of the file, with the library that its paths are relative to."""
    owners: tuple[Any, ...] = (bpy.data.materials, bpy.data.worlds, bpy.data.lights, bpy.data.linestyles, bpy.data.textures)
    for block in (block for blocks in owners for block in blocks):
        if block.node_tree:
            yield block.node_tree, block.library
    for tree in list(compat.compositor_trees()) + list(bpy.data.node_groups):
        yield tree, tree.library


def file_properties(owner: Any) -> list[str]:
    """Values of an item's properties that hold a file's path."""
    return [
        getattr(owner, prop.identifier)
        for prop in owner.bl_rna.properties
        if prop.type == "STRING" and prop.subtype == "FILE_PATH" and getattr(owner, prop.identifier)
    ]


def file_sockets(node: Any) -> list[str]:
    """Values typed into a node's own path sockets (geometry import nodes, 4.5)."""
    sockets = [socket for socket in node.inputs if socket.bl_idname == "NodeSocketStringFilePath" and not socket.is_linked]
    return [socket.default_value for socket in sockets if socket.default_value]


def strips() -> Files:
    """Images and movies of the sequencers; their sounds are data-blocks."""
    for scene in bpy.data.scenes:
        for strip in compat.strips_of(scene):
            for name, kind in strip_names(strip):
                path = scene_paths.absolute(name, scene.library)
                pairs = strip.use_multiview and strip.views_format == "INDIVIDUAL"
                yield from ((each, kind) for each in (scene_paths.views(path, scene) if pairs else [path]))


def strip_names(strip: Any) -> list[tuple[str, str]]:
    """The paths of one strip as the scene names them."""
    if strip.type == "IMAGE":
        return [(os.path.join(strip.directory, element.filename), "image") for element in strip.elements]
    return [(strip.filepath, "movie")] if strip.type == "MOVIE" and strip.filepath else []


def other_files() -> Iterator[str]:
    """Other files of Blender's own list of paths: kinds that no source above lists.

    Texts and packed libraries lie inside the .blend; brushes and the like come with every Blender.
    """
    shipped = os.path.join(bpy.utils.system_resource("DATAFILES"), "")  # type: ignore[attr-defined]
    known = {scene_paths.library_path(library) for library in bpy.data.libraries}
    known |= {scene_paths.absolute(text.filepath, text.library) for text in bpy.data.texts if text.filepath}
    for path in bpy.utils.blend_paths(absolute=True, packed=False, local=False):
        absolute = os.path.abspath(path)
        if absolute not in known and not absolute.startswith(shipped):
            yield absolute


SOURCES = (libraries, images, clips, single_files, volumes, cache_files, simulation_caches, node_files, strips)
