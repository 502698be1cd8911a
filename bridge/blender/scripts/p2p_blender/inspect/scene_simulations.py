# SPDX-License-Identifier: GPL-2.0-or-later
"""Simulations that are not baked: their frames depend on the frames before, so they are rendered in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from ..common import compat
from ..common.wire import Json
from . import scene_caches, scene_paths

# What is simulated, the object, and the first frame.
Unbaked = tuple[str, str, int]


def unbaked_in(scene: bpy.types.Scene) -> list[Unbaked]:
    """(what, object, first frame) of each unbaked simulation of a scene and of what it instances."""
    found = []
    for item in all_objects_of(scene):
        for cache, what, counts in scene_caches.point_caches(item):
            if counts and not scene_caches.is_complete(cache, item.library):
                found.append((what, item.name, cache.frame_start))
        for settings, counts in scene_caches.fluid_domains(item):
            if counts and not is_baked_fluid(settings):
                found.append(("fluid", item.name, settings.cache_frame_start))
        found += [("geometry nodes simulation", item.name, start) for start in unbaked_zones(scene, item)]
    return found + rigid_bodies(scene)


def reason(name: str, unbaked: list[Unbaked], frames: list[int]) -> Json | None:
    """Why the frames of a scene must be rendered in order; None when all of them lie before any simulation moves."""
    late = [each for each in unbaked if any(frame > each[2] for frame in frames)]
    if not late:
        return None
    named = ", ".join(f'{what} of "{owner}"' for what, owner, _ in late[:3])
    more = f" and {len(late) - 3} more" if len(late) > 3 else ""
    return {"code": "unbaked-simulation", "message": f'Scene "{name}" has simulations without a baked cache: {named}{more}.'}


def all_objects_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The objects of a scene, of its background sets, and of the collections that they instance."""
    seen, waiting = set(), list(scene.objects)
    background = scene.background_set
    while background:
        waiting += background.objects
        background = background.background_set
    while waiting:
        item = waiting.pop()
        if item in seen:
            continue
        seen.add(item)
        if item.instance_type == "COLLECTION" and item.instance_collection:
            waiting += item.instance_collection.all_objects
        waiting += [system.settings.instance_object for system in item.particle_systems if system.settings.instance_object]
    return sorted(seen, key=lambda item: item.name)


def is_baked_fluid(settings: Any) -> bool:
    """Replay simulates as it plays; the other kinds show what was baked."""
    if settings.cache_type == "REPLAY":
        return False
    return settings.has_cache_baked_data or settings.has_cache_baked_any


def rigid_bodies(scene: bpy.types.Scene) -> list[Unbaked]:
    """The scene's rigid body world, when something in it moves."""
    world = scene.rigidbody_world
    if not world or not world.enabled or not world.collection or not world.point_cache:
        return []
    moving = [item for item in world.collection.all_objects if item.rigid_body and item.rigid_body.type == "ACTIVE"]
    if not moving or scene_caches.is_complete(world.point_cache, scene.library):
        return []
    return [("rigid bodies", moving[0].name, world.point_cache.frame_start)]


def unbaked_zones(scene: bpy.types.Scene, item: Any) -> Iterator[int]:
    """First frames of geometry nodes modifiers with a simulation zone (3.6) that has no bake."""
    for modifier in item.modifiers:
        simulates = modifier.type == "NODES" and modifier.show_render and has_simulation(modifier.node_group, set())
        if simulates and not is_baked_modifier(modifier, item):
            yield scene.frame_start


def has_simulation(tree: Any, seen: set[Any]) -> bool:
    """Whether a geometry node tree, or a group in it, has a simulation zone."""
    if tree is None or tree in seen:
        return False
    seen.add(tree)
    return any(
        node.bl_idname == "GeometryNodeSimulationOutput" or (node.type == "GROUP" and has_simulation(node.node_tree, seen))
        for node in tree.nodes
    )


def is_baked_modifier(modifier: Any, item: bpy.types.Object) -> bool:
    """Baked into a folder that holds something, or into the file where Blender shows it; in doubt it is not baked."""
    bakes = compat.single_bakes(modifier)
    if bakes and all(compat.is_baked_into_file(bake) for bake in bakes):
        return True
    return any(scene_paths.tree(folder) for folder in scene_caches.bake_folders(item))
