# SPDX-License-Identifier: GPL-2.0-or-later
"""Shared by the sample scenes: a small still life, its light, render settings and saving."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy

HERE = Path(__file__).resolve().parent.parent


def empty_file() -> Any:
    """Starts from a file without anything in it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy.context.scene


def cycles(scene: Any, width: int = 160, height: int = 90, samples: int = 8) -> None:
    """CPU Cycles with fixed samples, no denoiser, few bounces: quick, and equal on every build."""
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 6
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = "//render/"


def material(name: str, colour: tuple[float, ...], **inputs: float) -> Any:
    """A principled material; inputs by name, those a version does not have are left out."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1)
    for key, value in inputs.items():
        shader.inputs[key.replace("_", " ")].default_value = value
    return made


def place(
    scene: Any,
    name: str,
    data: Any,
    location: tuple[float, float, float],
    mat: Any = None,
    rotation: Any = (0, 0, 0),
    scale: float = 1,
) -> Any:
    """Puts data into the scene as an object."""
    thing = bpy.data.objects.new(name, data)
    thing.location = location
    thing.rotation_euler = rotation
    thing.scale = (scale, scale, scale)
    if mat is not None and hasattr(data, "materials"):
        data.materials.append(mat)
    scene.collection.objects.link(thing)
    return thing


def mesh(kind: str, smooth: bool = True, **options: Any) -> Any:
    """A primitive's mesh, without leaving its object behind.

    At most 1,024 faces: of larger meshes 3.4 adds up the vertex normals on several threads in any order, and two
    plain renders differ in their last bits.
    """
    getattr(bpy.ops.mesh, f"primitive_{kind}_add")(**options)
    thing: Any = bpy.context.object
    data = thing.data
    assert len(data.polygons) <= 1024, kind
    bpy.data.objects.remove(thing)
    for face in data.polygons:
        face.use_smooth = smooth
    return data


def still_life(scene: Any, backdrop: bool = True) -> Any:
    """A clay head, a glass ball and a brass ring on a warm table: every kind of light path in a small scene."""
    things = {}
    clay = material("Clay", (0.72, 0.29, 0.17), Roughness=0.55)
    glass = material("Glass", (0.93, 0.98, 1.0), Roughness=0.02, Transmission=1.0)
    brass = material("Brass", (0.95, 0.66, 0.26), Metallic=1.0, Roughness=0.22)
    head = mesh("monkey")
    things["head"] = place(scene, "Head", head, (-0.75, 0.2, 0.78), clay, (-0.45, 0, 0.35), 0.85)
    things["ball"] = place(scene, "Ball", mesh("uv_sphere", segments=40, ring_count=24), (0.62, -0.55, 0.5), glass, scale=0.5)
    ring = mesh("torus", major_segments=64, minor_segments=16, major_radius=0.42, minor_radius=0.11)
    things["ring"] = place(scene, "Ring", ring, (1.25, 0.55, 0.47), brass, (1.35, 0.25, 0.5), 0.9)
    if backdrop:
        table = material("Table", (0.52, 0.43, 0.34), Roughness=0.65)
        things["table"] = place(scene, "Table", sweep(), (0, 0, 0), table)
    light(scene, "Key", (-2.6, -2.4, 3.4), (1.0, 0.84, 0.64), 190, 1.2)
    light(scene, "Fill", (3.2, -1.4, 2.2), (0.55, 0.7, 1.0), 60, 2.0)
    light(scene, "Rim", (0.8, 3.0, 2.6), (1.0, 0.93, 0.85), 90, 0.8)
    things["camera"] = camera(scene, (0.35, -5.4, 1.75))
    return things


def sweep() -> Any:
    """A table that curves up into a wall without a visible edge."""
    profile = [(-4.0, 0.0), (1.6, 0.0)]
    profile += [(1.6 + math.sin(a) * 1.2, 1.2 - math.cos(a) * 1.2) for a in [i * math.pi / 16 for i in range(1, 9)]]
    profile += [(2.8, 5.0)]
    vertices = [(x, y, z) for x in (-7.0, 7.0) for y, z in profile]
    n = len(profile)
    data = bpy.data.meshes.new("Sweep")
    data.from_pydata(vertices, [], [(i, i + 1, n + i + 1, n + i) for i in range(n - 1)])
    for face in data.polygons:
        face.use_smooth = True
    return data


def light(scene: Any, name: str, location: tuple[float, float, float], colour: tuple[float, ...], watts: float, size: float) -> Any:
    """An area light that points at the middle of the table."""
    data: Any = bpy.data.lights.new(name, "AREA")
    data.energy, data.size, data.color = watts, size, colour
    made = place(scene, name, data, location)
    made.rotation_euler = look((0.1, 0, 0.5), location)
    return made


def camera(
    scene: Any, location: tuple[float, float, float], target: tuple[float, float, float] = (0.2, 0, 0.62), lens: float = 52
) -> Any:
    """The scene's camera."""
    data = bpy.data.cameras.new("Camera")
    data.lens = lens
    made = place(scene, "Camera", data, location)
    made.rotation_euler = look(target, location)
    scene.camera = made
    return made


def look(target: tuple[float, float, float], location: tuple[float, float, float]) -> Any:
    """The rotation that points -Z from location to target."""
    from mathutils import Vector

    return (Vector(target) - Vector(location)).to_track_quat("-Z", "Y").to_euler()


def turn(thing: Any, first: int, last: int, degrees: float, axis: int = 2) -> None:
    """Rotates an object evenly over a frame range."""
    start = thing.rotation_euler[axis]
    thing.keyframe_insert("rotation_euler", index=axis, frame=first)
    thing.rotation_euler[axis] = start + math.radians(degrees)
    thing.keyframe_insert("rotation_euler", index=axis, frame=last)
    for curve in thing.animation_data.action.fcurves:
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"


def frames(scene: Any, first: int, last: int, step: int = 1) -> None:
    """The scene's frame range."""
    scene.frame_start, scene.frame_end, scene.frame_step = first, last, step


def compositor(scene: Any) -> Any:
    """An empty compositor: its nodes and links."""
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    return tree


def chain(tree: Any, *nodes: Any) -> None:
    """Links each node's first output to the next one's first input."""
    for left, right in pairwise(nodes):
        tree.links.new(left.outputs[0], right.inputs["Image"] if "Image" in right.inputs else right.inputs[0])


def save(name: str) -> None:
    """Saves the file beside the others, compressed, without a backup."""
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=str(HERE / f"{name}.blend"), compress=True, relative_remap=True)
