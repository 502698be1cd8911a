# SPDX-License-Identifier: GPL-2.0-or-later
"""Simulation caches of the opened file: which there are, where they lie on disk, whether they are filled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import bpy

from ..common import compat
from . import scene_paths

FLUID_FOLDERS = ("config", "data", "guiding", "mesh", "noise", "particles", "script")
OCEAN_NAMES = ("disp_", "foam_", "normal_", "spray_")
MODIFIER_CACHES = {"CLOTH": "point_cache", "SOFT_BODY": "point_cache"}


def point_caches(item: Any) -> Iterator[tuple[Any, str, bool]]:
    """The point caches of an object, each with the name of its simulation and whether it needs simulating."""
    for modifier in item.modifiers:
        if modifier.type in MODIFIER_CACHES:
            yield modifier.point_cache, modifier.type.lower().replace("_", " "), modifier.show_render
        elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings:
            for surface in modifier.canvas_settings.canvas_surfaces:
                yield surface.point_cache, "dynamic paint", modifier.show_render and surface.is_active
    for system in item.particle_systems:
        yield system.point_cache, "particles", is_simulated(system)


def is_simulated(system: bpy.types.ParticleSystem) -> bool:
    """Particles without physics, and hair without dynamics, are the same whatever came before."""
    if system.settings.type == "HAIR":
        return system.use_hair_dynamics
    return system.settings.physics_type != "NO"


def fluid_domains(item: Any) -> Iterator[tuple[Any, bool]]:
    """The settings of an object's fluid domains."""
    for modifier in item.modifiers:
        if modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN" and modifier.domain_settings:
            yield modifier.domain_settings, modifier.show_render


def is_complete(cache: Any, library: bpy.types.Library | None = None) -> bool:
    """Whether a point cache gives every frame without simulating: baked, external, or written to disk."""
    if cache.is_baked or cache.use_external:
        return True
    return cache.use_disk_cache and bool(disk_cache_files(cache, library))


def disk_cache_files(cache: Any, library: bpy.types.Library | None) -> list[str]:
    """The files of a point cache that is kept on disk beside the .blend, or in a folder of its own."""
    if cache.use_external:
        folder = scene_paths.absolute(cache.filepath, library) if cache.filepath else None
        start = f"{cache.name}_"
    else:
        folder, start = blendcache_folder(None if not cache.use_library_path else library), ""
    if folder is None:
        return []
    return [os.path.join(folder, name) for name in scene_paths.names_in(folder) if name.startswith(start) and ".bphys" in name]


def blendcache_folder(library: bpy.types.Library | None) -> str:
    """Blender's own cache folder beside the .blend: //blendcache_<name>."""
    path = scene_paths.library_path(library) if library else bpy.data.filepath
    folder, name = os.path.split(path)
    return os.path.join(folder, f"blendcache_{os.path.splitext(name)[0]}")


def bake_folders(item: Any) -> Iterator[str]:
    """Folders of baked geometry nodes: the modifier's, and those that single bakes have (4.1)."""
    for modifier in item.modifiers:
        if modifier.type != "NODES":
            continue
        named = [compat.bake_folder(modifier)]
        named += [bake.directory for bake in compat.single_bakes(modifier) if bake.use_custom_path]
        yield from (scene_paths.absolute(name, item.library) for name in named if name)


def cache_files() -> Iterator[str]:
    """Every simulation file on disk that the scene names, and those missing that it names one by one."""
    for item in bpy.data.objects:
        for cache, _, _ in point_caches(item):
            if cache.use_disk_cache or cache.use_external:
                yield from disk_cache_files(cache, item.library)
        for settings, _ in fluid_domains(item):
            folder = scene_paths.absolute(settings.cache_directory, item.library)
            for part in FLUID_FOLDERS:
                yield from scene_paths.tree(os.path.join(folder, part))
        for folder in bake_folders(item):
            yield from scene_paths.tree(folder)
        yield from modifier_files(item)
    for scene in bpy.data.scenes:
        if scene.rigidbody_world and scene.rigidbody_world.point_cache:
            cache = scene.rigidbody_world.point_cache
            if cache.use_disk_cache or cache.use_external:
                yield from disk_cache_files(cache, scene.library)


def modifier_files(item: Any) -> Iterator[str]:
    """Files that modifiers name themselves."""
    for modifier in item.modifiers:
        is_file = modifier.type == "MESH_CACHE" or (modifier.type == "MULTIRES" and modifier.is_external)
        if is_file and modifier.filepath:
            yield scene_paths.absolute(modifier.filepath, item.library)
        elif modifier.type == "OCEAN" and modifier.is_cached and modifier.filepath:
            folder = scene_paths.absolute(modifier.filepath, item.library)
            yield from (os.path.join(folder, name) for name in scene_paths.names_in(folder) if name.startswith(OCEAN_NAMES))
