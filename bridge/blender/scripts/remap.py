# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths stored absolutely in a .blend, brought to where their files are on this machine.

Relative paths need nothing: the bundle keeps the layout around the .blend.
"""

import os
import posixpath
import re

import bpy

import compat

MOST_LIBRARIES = 10_000

DRIVE = re.compile(r"[A-Za-z]:[/\\]")


def remap_paths(prefixes):
    """Applies {prefix in the file: place here}; the longest prefix that ends at a path separator wins."""
    if not prefixes:
        return
    mapping = sorted(((comparable(old), new) for old, new in prefixes.items()), key=lambda pair: -len(pair[0]))
    remap_libraries(mapping)
    for owner, name, library in path_properties():
        remap_property(mapping, owner, name, library)


def plain(path):
    """One spelling for both systems' separators, without `..` and without a separator at the end."""
    return posixpath.normpath(path.replace("\\", "/"))


def comparable(path):
    """Paths with a drive letter come from Windows, where case says nothing."""
    return plain(path).lower() if DRIVE.match(path) else plain(path)


def mapped(mapping, path):
    """The new place of an absolute path, or None when no prefix fits."""
    spelled, key = plain(path), comparable(path)
    for old, new in mapping:
        if key == old or key.startswith(old + "/"):
            return new + spelled[len(old) :]
    return None


def remap_property(mapping, owner, name, library):
    """Sets one path property when its absolute form falls under a prefix."""
    stored = getattr(owner, name)
    if not stored or stored.startswith("<"):
        return
    named = absolute(stored, library)
    place = mapped(mapping, named)
    if place is not None and plain(place) != plain(named):
        setattr(owner, name, place)


def absolute(path, library):
    """Blender's own resolution of `//`: against the file that the data-block comes from."""
    return bpy.path.abspath(path, library=library)


def remap_libraries(mapping):
    """Linked files first: only when they are read are their own paths there to be mapped.

    One at a time, because reading one anew replaces those that it links to.
    """
    done = set()
    for _ in range(MOST_LIBRARIES):
        library, place = next(moved_libraries(mapping, done), (None, None))
        if library is None:
            return
        done.add(library.name)
        library.filepath = place
        try:
            library.reload()
        except RuntimeError as error:
            print(f"library {place}: {error}")  # damaged: Blender renders without it, and so do we


def moved_libraries(mapping, done):
    """Libraries that lie under a prefix, with their new place."""
    for library in bpy.data.libraries:
        named = absolute(library.filepath, library.parent)
        place = mapped(mapping, named)
        if library.name not in done and place is not None and plain(place) != plain(named) and os.path.exists(place):
            yield library, place


def path_properties():
    """(owner, property, library) of every path by which a data-block names a file that a render reads."""
    data = bpy.data
    for blocks in (data.images, data.movieclips, data.sounds, data.fonts, data.volumes, data.cache_files):
        for block in blocks:
            if not getattr(block, "packed_file", None):
                yield block, "filepath", block.library
    for scene in data.scenes:
        for strip in compat.strips_of(scene):
            yield from properties(strip, ("filepath", "directory"), scene.library)
    for owner in data.objects:
        yield from object_paths(owner)
    for tree, library in node_trees():
        for node in tree.nodes:
            yield from properties(node, ("filepath",), library)


def object_paths(owner):
    """Caches that modifiers and particle systems read from disk."""
    for modifier in owner.modifiers:
        yield from properties(modifier, ("filepath", "simulation_bake_directory", "bake_directory"), owner.library)
        settings = getattr(modifier, "domain_settings", None) if modifier.type == "FLUID" else None
        if settings:
            yield settings, "cache_directory", owner.library
        cache = getattr(modifier, "point_cache", None)
        if cache is not None:
            yield cache, "filepath", owner.library
    for particles in owner.particle_systems:
        yield particles.point_cache, "filepath", owner.library


def properties(owner, names, library):
    """Those of the named properties that this struct has, as path properties."""
    for name in names:
        prop = owner.bl_rna.properties.get(name)
        if prop is not None and not prop.is_readonly:
            yield owner, name, library


def node_trees():
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
