# SPDX-License-Identifier: GPL-2.0-or-later
"""A small scene that is the same everywhere, to see how fast a device renders, and whether it renders at all."""

import os
import tempfile
import time
from math import cos, pi, sin

import bpy

from ..common import devices
from ..common.wire import ScriptError

SIDE = 256
# What its pixels are on the average, measured; a device that is far off does not render it.
BRIGHTNESS = 0.36
# A measurement is long enough to be one, and short enough for nobody to wait for it.
ENOUGH_SECONDS, MOST_SAMPLES = 0.4, 4096


def make():
    """Builds the scene: spheres of rough, shiny and clear materials under one lamp and a grey sky."""
    if "Known" in bpy.data.scenes:
        return bpy.data.scenes["Known"]
    scene = bpy.data.scenes.new("Known")
    materials = [_material(*kind) for kind in (("Diffuse", 0.0), ("Glossy", 0.3), ("Glass", 0.0))]
    for index in range(9):
        place = (index % 3 * 2.2 - 2.2, index // 3 * 2.2 - 2.2, 1.0)
        _put(scene, _mesh(_sphere(1.0), materials[index % 3]), place)
    _put(scene, _mesh(([(-9, -9, 0), (9, -9, 0), (9, 9, 0), (-9, 9, 0)], [(0, 1, 2, 3)]), materials[0]), (0, 0, 0))
    lamp = bpy.data.lights.new("Lamp", "AREA")
    lamp.energy, lamp.size = 500.0, 2.0
    _put(scene, lamp, (0, 0, 7))
    camera = bpy.data.cameras.new("Camera")
    scene.camera = _put(scene, camera, (0, -11, 8))
    scene.camera.rotation_euler = (0.95, 0, 0)
    scene.world = bpy.data.worlds.new("Sky")
    scene.world.color = (0.2, 0.2, 0.2)
    _settings(scene)
    return scene


def measure(_=None):
    """Renders the scene with more and more samples; returns samples x pixels a second."""
    scene = make()
    devices.set_in_scenes()
    _timed(scene, 1)  # loads what a device needs once
    start = _timed(scene, 1)
    _check_brightness(scene, os.path.join(tempfile.gettempdir(), "known.exr"))
    samples = 4
    while True:
        seconds = _timed(scene, samples) - start
        if seconds >= ENOUGH_SECONDS or samples >= MOST_SAMPLES:
            return (samples - 1) * SIDE * SIDE / max(seconds, 1e-3)
        samples *= 4


def save(request):
    """Writes the scene as a .blend."""
    scene = make()
    for other in [each for each in bpy.data.scenes if each != scene]:
        bpy.data.scenes.remove(other)
    scene.cycles.samples = request["samples"]
    bpy.ops.wm.save_as_mainfile(filepath=request["path"], compress=False)


def _settings(scene):
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.resolution_x = render.resolution_y = SIDE
    render.resolution_percentage = 100
    render.use_persistent_data = True
    cycles.use_adaptive_sampling = cycles.use_denoising = False
    cycles.seed = 0


def _timed(scene, samples):
    scene.cycles.samples = samples
    before = time.perf_counter()
    try:
        bpy.ops.render.render(scene=scene.name)
    except RuntimeError as error:
        raise ScriptError("BLENDER_RENDER_FAILED", " ".join(str(error).split())) from error
    return time.perf_counter() - before


def _check_brightness(scene, path):
    """A device may say that it has rendered and leave the picture black."""
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode = "OPEN_EXR", "RGB"
    next(image for image in bpy.data.images if image.type == "RENDER_RESULT").save_render(path, scene=scene)
    picture = bpy.data.images.load(path)
    values = [0.0] * len(picture.pixels)
    picture.pixels.foreach_get(values)
    bpy.data.images.remove(picture)
    os.remove(path)
    mean = sum(values[0::4]) / max(1, len(values) // 4)
    if not BRIGHTNESS / 1.5 < mean < BRIGHTNESS * 1.5:
        raise ScriptError("BLENDER_RENDER_FAILED", f"the known scene came out {mean:.3f} bright instead of {BRIGHTNESS}")


def _put(scene, data, place):
    thing = bpy.data.objects.new(data.name, data)
    thing.location = place
    scene.collection.objects.link(thing)
    return thing


def _mesh(shape, material):
    mesh = bpy.data.meshes.new("Mesh")
    vertices, faces = shape
    mesh.from_pydata(vertices, [], faces)
    mesh.materials.append(material)
    return mesh


def _sphere(radius, rings=24):
    """Vertices and faces of a ball, in plain arithmetic: operators need a window in some versions."""
    count = 2 * rings
    vertices = [
        (radius * sin(tilt) * cos(turn), radius * sin(tilt) * sin(turn), radius * cos(tilt))
        for tilt in [pi * ring / rings for ring in range(rings + 1)]
        for turn in [2 * pi * step / count for step in range(count)]
    ]
    faces = [
        (ring * count + turn, ring * count + (turn + 1) % count, (ring + 1) * count + (turn + 1) % count, (ring + 1) * count + turn)
        for ring in range(rings)
        for turn in range(count)
    ]
    return vertices, faces


def _material(kind, roughness):
    material = bpy.data.materials.new(kind)
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    shader = tree.nodes.new(f"ShaderNodeBsdf{kind}")
    shader.inputs["Color"].default_value = (0.8, 0.6, 0.4, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    tree.links.new(shader.outputs["BSDF"], tree.nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    return material
