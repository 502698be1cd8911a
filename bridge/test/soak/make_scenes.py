# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the soak's scenes, each in its own folder: `blender -b --factory-startup --python make_scenes.py -- FOLDER`.

All are small, because the soak searches for lost work: a frame takes a fraction of a second.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(sys.argv[sys.argv.index("--") + 1])


def empty(width: int = 48, height: int = 32, last: int = 40, engine: str = "CYCLES") -> Any:
    """An empty file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = engine
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.frame_start, scene.frame_end = 1, last
    scene.render.filepath = "//render/"
    scene.render.image_settings.file_format = "PNG"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 2
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 2
    return scene


def cube(scene: Any, turns: float = 0.0, size: float = 1.6) -> Any:
    """A lit cube in front of a camera, rotating by a fixed angle per frame."""
    bpy.ops.mesh.primitive_cube_add(size=size)
    thing = bpy.context.object
    clay = bpy.data.materials.new("Clay")
    clay.use_nodes = True
    clay.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.7, 0.3, 0.2, 1)
    thing.data.materials.append(clay)
    if turns:
        for frame in (1, 41):
            thing.rotation_euler = (0.4, 0, turns * (frame - 1))
            thing.keyframe_insert("rotation_euler", frame=frame)
        for curve in thing.animation_data.action.fcurves:
            for point in curve.keyframe_points:
                point.interpolation = "LINEAR"
    else:
        thing.rotation_euler = (0.4, 0, 0.6)
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.2, 0.3))
    bpy.context.object.data.energy = 3
    bpy.ops.object.camera_add(location=(0, -6, 1.2), rotation=(math.radians(79), 0, 0))
    scene.camera = bpy.context.object
    return thing


def world(scene: Any) -> None:
    """A grey world background, so that no pixel is empty."""
    scene.world = bpy.data.worlds.new("Sky")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.2, 0.25, 0.3, 1)


def save(name: str) -> None:
    folder = ROOT / name
    folder.mkdir(parents=True, exist_ok=True)
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"), compress=True)


def picture(path: Path, colour: tuple[float, ...]) -> None:
    """A small PNG of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image: Any = bpy.data.images.new(path.stem, 24, 16, alpha=True)
    image.pixels = [*colour, 1.0] * (24 * 16)
    image.file_format = "PNG"
    image.filepath_raw = str(path)
    image.save()
    bpy.data.images.remove(image)


def three_d() -> None:
    scene = empty()
    cube(scene, 0.05)
    world(scene)
    save("moving")
    scene = empty()
    cube(scene)
    world(scene)
    save("static")
    # Most tiles are empty, so their bytes are equal.
    scene = empty(64, 64, 4)
    scene.render.film_transparent = True
    cube(scene, 0.05, 0.9)
    save("film")
    scene = empty(5, 300, 2)
    cube(scene)
    world(scene)
    save("tall")
    scene = empty(35, 21, 6)
    cube(scene, 0.1)
    world(scene)
    save("tiny")


def layers() -> None:
    for name, file_format in (("layers", "PNG"), ("layers-multi", "OPEN_EXR_MULTILAYER")):
        scene = empty(last=6 if name == "layers" else 4)
        cube(scene, 0.05)
        world(scene)
        for title in ("Second", "Third"):
            layer = scene.view_layers.new(title)
            layer.use_pass_z = layer.use_pass_normal = True
        scene.view_layers["Third"].use_sky = False
        scene.render.image_settings.file_format = file_format
        save(name)


def colour_strips(last: int) -> Any:
    scene = empty(last=last)
    editor = scene.sequence_editor_create()
    for index, colour in enumerate(((0.8, 0.2, 0.1), (0.1, 0.6, 0.3), (0.2, 0.3, 0.9))):
        start = 1 + index * 4
        strip = editor.sequences.new_effect(f"Colour {index}", "COLOR", 1 + index, start, frame_end=start + 5)
        strip.color = colour
        strip.blend_type, strip.blend_alpha = "ALPHA_OVER", 0.7
    return scene


def without_three_d() -> None:
    colour_strips(12)
    save("strips")
    scene = colour_strips(8)
    scene.render.image_settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec = "MPEG4", "H264"
    save("strips-movie")

    scene = empty(last=8)
    folder = ROOT / "strips-image"
    editor = scene.sequence_editor_create()
    for frame in range(1, 9):
        path = folder / f"card_{frame}.png"
        picture(path, (frame / 9, 0.4, 1 - frame / 9))
        editor.sequences.new_image(f"Card {frame}", str(path), 1, frame).frame_final_duration = 1
    save("strips-image")
    bpy.ops.file.make_paths_relative()
    save("strips-image")

    scene = empty(last=8)
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    colour, out = tree.nodes.new("CompositorNodeRGB"), tree.nodes.new("CompositorNodeComposite")
    for frame in (1, 8):
        colour.outputs[0].default_value = (frame / 8, 0.5, 0.2, 1)
        colour.outputs[0].keyframe_insert("default_value", frame=frame)
    mask = tree.nodes.new("CompositorNodeEllipseMask")
    mix = tree.nodes.new("CompositorNodeMixRGB")
    tree.links.new(mask.outputs[0], mix.inputs[0])
    tree.links.new(colour.outputs[0], mix.inputs[1])
    tree.links.new(mix.outputs[0], out.inputs[0])
    save("comp-only")


def outputs() -> None:
    scene = empty(last=10)
    cube(scene, 0.05)
    world(scene)
    scene.render.image_settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec = "MPEG4", "H264"
    save("movie")

    scene = empty(last=4)
    cube(scene, 0.05)
    world(scene)
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    source, out = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeComposite")
    tree.links.new(source.outputs["Image"], out.inputs[0])
    for base, file_format in (("plain", "PNG"), ("raw", "OPEN_EXR")):
        node = tree.nodes.new("CompositorNodeOutputFile")
        node.base_path = f"//render/{base}"
        node.format.file_format = file_format
        tree.links.new(source.outputs["Image"], node.inputs[0])
    save("file-out")

    for name, placeholders in (("no-overwrite", False), ("placeholders", True)):
        scene = empty(last=5)
        cube(scene, 0.05)
        world(scene)
        scene.render.use_overwrite = False
        scene.render.use_placeholder = placeholders
        save(name)
        picture(ROOT / name / "render" / "f_0002.png", (0.1, 0.9, 0.1))


def other_engines() -> None:
    scene = empty(last=6, engine="BLENDER_WORKBENCH")
    cube(scene, 0.05)
    save("workbench-soak")
    scene = empty(last=3, engine="BLENDER_EEVEE")
    cube(scene, 0.05)
    world(scene)
    scene.eevee.taa_render_samples = 2
    save("eevee-soak")


three_d()
layers()
without_three_d()
outputs()
other_engines()
