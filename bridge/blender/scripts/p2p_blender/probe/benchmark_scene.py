# SPDX-License-Identifier: GPL-2.0-or-later
"""A small fixed scene that shows how fast a device renders, and whether it renders at all."""

from __future__ import annotations

import os
import tempfile
import time
from math import cos, pi, sin
from typing import Any

import bpy

from ..common import cycles, devices
from ..common.wire import Json, ScriptError

# Vertices and faces.
Shape = tuple[list[tuple[float, float, float]], list[tuple[int, ...]]]

SIDE = 256
# The measured average brightness; a device that is far off does not render correctly.
BRIGHTNESS = 0.36
# Long enough for a stable measurement, short enough not to delay anybody.
MIN_SECONDS, MAX_SAMPLES = 0.4, 4096


def make() -> bpy.types.Scene:
    """Builds the scene: spheres of rough, shiny and clear materials under one lamp and a grey sky."""
    if "Benchmark" in bpy.data.scenes:
        return bpy.data.scenes["Benchmark"]
    scene = bpy.data.scenes.new("Benchmark")
    materials = [_material(*kind) for kind in (("Diffuse", 0.0), ("Glossy", 0.3), ("Glass", 0.0))]
    for index in range(9):
        place = (index % 3 * 2.2 - 2.2, index // 3 * 2.2 - 2.2, 1.0)
        _add_object(scene, _mesh(_sphere(1.0), materials[index % 3]), place)
    _add_object(scene, _mesh(([(-9, -9, 0), (9, -9, 0), (9, 9, 0), (-9, 9, 0)], [(0, 1, 2, 3)]), materials[0]), (0, 0, 0))
    lamp: Any = bpy.data.lights.new("Lamp", "AREA")
    lamp.energy, lamp.size = 500.0, 2.0
    _add_object(scene, lamp, (0, 0, 7))
    camera = bpy.data.cameras.new("Camera")
    scene.camera = _add_object(scene, camera, (0, -11, 8))
    scene.camera.rotation_euler = (0.95, 0, 0)
    scene.world = bpy.data.worlds.new("Sky")
    scene.world.color = (0.2, 0.2, 0.2)
    _settings(scene)
    return scene


def measure(_: object = None) -> float:
    """Renders the scene with more and more samples; returns samples x pixels a second."""
    scene = make()
    devices.apply_to_scenes()
    _render_seconds(scene, 1)  # loads what a device needs once
    start = _render_seconds(scene, 1)
    _check_brightness(scene, os.path.join(tempfile.gettempdir(), "benchmark.exr"))
    samples = 4
    while True:
        seconds = _render_seconds(scene, samples) - start
        if seconds >= MIN_SECONDS or samples >= MAX_SAMPLES:
            return (samples - 1) * SIDE * SIDE / max(seconds, 1e-3)
        samples *= 4


def save(request: Json) -> None:
    """Writes the scene as a .blend."""
    scene = make()
    for other in [each for each in bpy.data.scenes if each != scene]:
        bpy.data.scenes.remove(other)
    cycles.settings(scene).samples = request["samples"]
    bpy.ops.wm.save_as_mainfile(filepath=request["path"], compress=False)


def _settings(scene: bpy.types.Scene) -> None:
    render: Any = scene.render
    settings = cycles.settings(scene)
    render.engine = "CYCLES"
    render.resolution_x = render.resolution_y = SIDE
    render.resolution_percentage = 100
    render.use_persistent_data = True
    settings.use_adaptive_sampling = settings.use_denoising = False
    settings.seed = 0


def _render_seconds(scene: bpy.types.Scene, samples: int) -> float:
    cycles.settings(scene).samples = samples
    before = time.perf_counter()
    try:
        bpy.ops.render.render(scene=scene.name)
    except RuntimeError as error:
        raise ScriptError("BLENDER_RENDER_FAILED", " ".join(str(error).split())) from error
    return time.perf_counter() - before


def _check_brightness(scene: bpy.types.Scene, path: str) -> None:
    """A device may report success and leave the image black."""
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode = "OPEN_EXR", "RGB"
    next(image for image in bpy.data.images if image.type == "RENDER_RESULT").save_render(path, scene=scene)
    picture: Any = bpy.data.images.load(path)
    values = [0.0] * len(picture.pixels)
    picture.pixels.foreach_get(values)
    bpy.data.images.remove(picture)
    os.remove(path)
    mean = sum(values[0::4]) / max(1, len(values) // 4)
    if not BRIGHTNESS / 1.5 < mean < BRIGHTNESS * 1.5:
        raise ScriptError("BLENDER_RENDER_FAILED", f"the benchmark scene came out {mean:.3f} bright instead of {BRIGHTNESS}")


def _add_object(scene: bpy.types.Scene, data: bpy.types.ID, place: tuple[float, float, float]) -> bpy.types.Object:
    made = bpy.data.objects.new(data.name, data)
    made.location = place
    scene.collection.objects.link(made)
    return made


def _mesh(shape: Shape, material: bpy.types.Material) -> bpy.types.Mesh:
    mesh = bpy.data.meshes.new("Mesh")
    vertices, faces = shape
    mesh.from_pydata(vertices, [], faces)
    mesh.materials.append(material)
    return mesh


def _sphere(radius: float, rings: int = 24) -> Shape:
    """Vertices and faces of a ball, in plain arithmetic: operators need a window in some versions."""
    count = 2 * rings
    vertices = [
        (radius * sin(tilt) * cos(turn), radius * sin(tilt) * sin(turn), radius * cos(tilt))
        for tilt in [pi * ring / rings for ring in range(rings + 1)]
        for turn in [2 * pi * step / count for step in range(count)]
    ]
    faces: list[tuple[int, ...]] = [
        (ring * count + turn, ring * count + (turn + 1) % count, (ring + 1) * count + (turn + 1) % count, (ring + 1) * count + turn)
        for ring in range(rings)
        for turn in range(count)
    ]
    return vertices, faces


def _material(kind: str, roughness: float) -> bpy.types.Material:
    material = bpy.data.materials.new(kind)
    material.use_nodes = True
    tree: Any = material.node_tree
    tree.nodes.clear()
    shader = tree.nodes.new(f"ShaderNodeBsdf{kind}")
    shader.inputs["Color"].default_value = (0.8, 0.6, 0.4, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    tree.links.new(shader.outputs["BSDF"], tree.nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    return material
