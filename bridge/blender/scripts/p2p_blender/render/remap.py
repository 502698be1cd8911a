# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths stored absolutely in a .blend, mapped to where their files are on this machine.

Relative paths need nothing: the bundle keeps the layout around the .blend.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from typing import Any

import bpy

from ..common import compat, rna

# Prefixes in the file with their places here, the longest first.
Mapping = list[tuple[str, str]]
# Type and name of data-blocks that are linked from a library.
Linked = set[tuple[str, str]]
# What has a path, the property that holds it, and the library that it is relative to.
PathProperty = tuple[Any, str, "bpy.types.Library | None"]

MAX_LIBRARY_READS = 10_000

DRIVE = re.compile(r"[A-Za-z]:[/\\]")


def remap_paths(prefixes: dict[str, str]) -> None:
    """Applies {prefix in the file: place here}; the longest prefix that ends at a path separator wins."""
    if not prefixes:
        return
    mapping = sorted(((comparable(old), new) for old, new in prefixes.items()), key=lambda pair: -len(pair[0]))
    remap_libraries(mapping)
    for owner, name, library in path_properties():
        remap_property(mapping, owner, name, library)


def normalized(path: str) -> str:
    """One spelling for both systems' separators, without `..` and without a separator at the end."""
    return posixpath.normpath(path.replace("\\", "/"))


def comparable(path: str) -> str:
    """Paths with a drive letter come from Windows, where case does not matter."""
    return normalized(path).lower() if DRIVE.match(path) else normalized(path)


def remapped(mapping: Mapping, path: str) -> str | None:
    """The new place of an absolute path, or None when no prefix fits."""
    spelled, key = normalized(path), comparable(path)
    for old, new in mapping:
        if key == old or key.startswith(old + "/"):
            return new + spelled[len(old) :]
    return None


def remap_property(mapping: Mapping, owner: Any, name: str, library: bpy.types.Library | None) -> None:
    """Sets one path property when its absolute form falls under a prefix."""
    stored = getattr(owner, name)
    if not stored or stored.startswith("<"):
        return
    named = absolute(stored, library)
    place = remapped(mapping, named)
    if place is not None and normalized(place) != normalized(named):
        setattr(owner, name, place)


def absolute(path: str, library: bpy.types.Library | None) -> str:
    """Blender's own resolution of `//`: against the file that the data-block comes from."""
    return bpy.path.abspath(path, library=library)


def remap_libraries(mapping: Mapping) -> None:
    """Linked files first: only when they are read are their own paths there to be remapped.

    Blender knows a library by its path, and libraries name each other by where they were made. So each is
    read from its place here and then called by its old path again; all get their new path at the end.
    """
    read: dict[str, Linked] = {}
    for _ in range(MAX_LIBRARY_READS):
        unread = next(unread_libraries(mapping, read), None)
        if unread is None:
            break
        library, place = unread
        name, parent = library.name, library.parent
        if parent is not None and not library.users_id:
            parent_name = parent.name
            name = link_all_of(library, place)
            parent = bpy.data.libraries[parent_name]
            reload_from(parent, new_path_of(mapping, parent))
        else:
            reload_from(library, place)
        read[name] = linked_names(bpy.data.libraries[name])
    for library, place in moved_libraries(mapping):
        library.filepath = place


def unread_libraries(mapping: Mapping, read: dict[str, Linked]) -> Iterator[tuple[bpy.types.Library, str]]:
    """Libraries that were not read yet, and those that more was linked from since."""
    for library, place in moved_libraries(mapping):
        if library.name not in read or not linked_names(library) <= read[library.name]:
            yield library, place


def moved_libraries(mapping: Mapping) -> Iterator[tuple[bpy.types.Library, str]]:
    """Libraries that lie under a prefix, with their new place."""
    for library in list(bpy.data.libraries):
        place = new_path_of(mapping, library)
        if normalized(place) != normalized(absolute(library.filepath, library.parent)) and os.path.exists(place):
            yield library, place


def new_path_of(mapping: Mapping, library: bpy.types.Library) -> str:
    """Where a library lies on this machine."""
    named = absolute(library.filepath, library.parent)
    return remapped(mapping, named) or named


def linked_names(library: bpy.types.Library) -> Linked:
    """What is linked from a library, whether it was found there or not."""
    blocks: Any = library.users_id
    return {(block.bl_rna.identifier, block.name) for block in blocks}


def reload_from(library: bpy.types.Library, place: str) -> None:
    """Reads a library anew from another place, and puts its path back."""
    name, before = library.name, library.filepath
    library.filepath = place
    try:
        library.reload()
    except RuntimeError as error:
        print(f"library {place}: {error}")  # damaged: Blender renders without it, and so do we
    bpy.data.libraries[name].filepath = before


def link_all_of(library: bpy.types.Library, place: str) -> str:
    """Links all that a library of a library has, for the one that links to it to be read again. Returns its name.

    4.x keeps no placeholders for what it did not find there, so that what is needed of it cannot be known.
    """
    try:
        libraries: Any = bpy.data.libraries
        with libraries.load(place, link=True) as (source, wanted):
            for kind in dir(source):
                setattr(wanted, kind, list(getattr(source, kind)))
    except OSError as error:
        print(f"library {place}: {error}")
    adopted = next((other for other in bpy.data.libraries if normalized(absolute(other.filepath, None)) == normalized(place)), None)
    if adopted is None:
        return library.name
    before = library.filepath
    bpy.data.libraries.remove(library)
    adopted.filepath = before
    return adopted.name


def path_properties() -> Iterator[PathProperty]:
    """(owner, property, library) of every path by which a data-block names a file that a render reads."""
    data = bpy.data
    for blocks in (data.images, data.movieclips, data.sounds, data.fonts, data.volumes, data.cache_files):
        for block in blocks:
            if not rna.value_of(block, "packed_file"):
                yield block, "filepath", block.library
    for scene in data.scenes:
        for strip in compat.strips_of(scene):
            yield from path_properties_of(strip, ("filepath", "directory"), scene.library)
    for owner in data.objects:
        yield from object_paths(owner)
    for tree, library in node_trees():
        for node in tree.nodes:
            yield from path_properties_of(node, ("filepath",), library)


def object_paths(owner: Any) -> Iterator[PathProperty]:
    """Caches that modifiers and particle systems read from disk."""
    for modifier in owner.modifiers:
        yield from path_properties_of(modifier, ("filepath", *compat.BAKE_FOLDER_PROPERTIES), owner.library)
        settings = modifier.domain_settings if modifier.type == "FLUID" else None
        if settings:
            yield settings, "cache_directory", owner.library
        cache = rna.value_of(modifier, "point_cache")
        if cache is not None:
            yield cache, "filepath", owner.library
    for particles in owner.particle_systems:
        yield particles.point_cache, "filepath", owner.library


def path_properties_of(owner: Any, names: tuple[str, ...], library: bpy.types.Library | None) -> Iterator[PathProperty]:
    """Those of the named properties that this struct has, as path properties."""
    for name in names:
        prop = owner.bl_rna.properties.get(name)
        if prop is not None and not prop.is_readonly:
            yield owner, name, library


def node_trees() -> Iterator[tuple[Any, bpy.types.Library | None]]:
    """Every node tree with the library it comes from: groups, and those that materials, worlds, lights and scenes own."""
    data = bpy.data
    for tree in data.node_groups:
        yield tree, tree.library
    for blocks in (data.materials, data.worlds, data.lights, data.linestyles):
        for block in blocks:
            if block.node_tree is not None:
                yield block.node_tree, block.library
    for scene in data.scenes:
        tree = compat.compositor_tree(scene)
        if tree is not None:
            yield tree, scene.library
