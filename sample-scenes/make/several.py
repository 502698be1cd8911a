# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes made of more than one: other scenes, strips, libraries, movies, simulations."""

from __future__ import annotations

from typing import Any

import bpy
from common import HERE, camera, compositor, cycles, empty_file, frames, light, material, mesh, place, save, still_life, turn


def two_scenes() -> None:
    scene = empty_file()
    scene.name = "Main"
    cycles(scene)
    still_life(scene)
    other = bpy.data.scenes.new("Backdrop")
    cycles(other, 300, 80, 6)
    place(
        other,
        "Tile",
        mesh("cube", smooth=False),
        (0, 0, 0.6),
        material("Teal", (0.05, 0.4, 0.42), Roughness=0.3),
        (0.3, 0.2, 0.7),
        0.9,
    )
    place(other, "Wall", mesh("plane", size=30), (0, 0, -1), material("Night", (0.05, 0.06, 0.1)))
    light(other, "Lamp", (2, -3, 4), (1, 0.9, 0.8), 300, 1)
    camera(other, (0.3, -6, 2.2))
    tree = compositor(scene)
    front, back = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeRLayers")
    back.scene = other
    mix, out = tree.nodes.new("CompositorNodeMixRGB"), tree.nodes.new("CompositorNodeComposite")
    mix.blend_type, mix.inputs[0].default_value = "SCREEN", 0.7
    tree.links.new(front.outputs["Image"], mix.inputs[1])
    tree.links.new(back.outputs["Image"], mix.inputs[2])
    tree.links.new(mix.outputs[0], out.inputs["Image"])
    save("two-scenes")


def sequencer() -> None:
    scene = empty_file()
    scene.name = "Cut"
    cycles(scene)
    shot = bpy.data.scenes.new("Shot")
    cycles(shot, samples=6)
    things = still_life(shot)
    turn(things["head"], 1, 12, 120)
    frames(shot, 1, 12)
    editor = scene.sequence_editor_create()
    strip = editor.sequences.new_scene("Shot", shot, 1, 1)
    strip.frame_offset_start = 3
    strip.frame_start = 0
    card = editor.sequences.new_image("Card", str(HERE / "pictures" / "card.png"), 2, 3)
    card.blend_type, card.blend_alpha, card.frame_final_duration = "ALPHA_OVER", 0.6, 4
    card.transform.offset_x, card.transform.offset_y = 20, -12
    frames(scene, 3, 5)
    save("sequencer")


def card() -> Any:
    """A small picture for the sequencer and the linked texture."""
    scene = empty_file()
    picture: Any = bpy.data.images.new("card", 64, 36, alpha=True)
    pixels = []
    for y in range(36):
        for x in range(64):
            inside = (x // 8 + y // 9) % 2
            pixels += [0.9 * inside + 0.08, 0.45 * inside + 0.1, x / 64, 0.85]
    picture.pixels = pixels
    picture.file_format = "PNG"
    for path in (HERE / "pictures" / "card.png", HERE / "linked" / "bücher und 本" / "muster blau.png"):
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.filepath_raw = str(path)
        picture.save()
    return scene


def linked() -> None:
    folder = HERE / "linked" / "bücher und 本"
    scene = empty_file()
    mat = material("Gemustert", (0.5, 0.5, 0.5), Roughness=0.4)
    texture = mat.node_tree.nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.load(str(folder / "muster blau.png"))
    mat.node_tree.links.new(texture.outputs["Color"], mat.node_tree.nodes["Principled BSDF"].inputs["Base Color"])
    place(scene, "Würfel", mesh("cube", smooth=False), (0, 0, 0), mat)
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "ding für alle.blend"), compress=True, relative_remap=True)

    scene = empty_file()
    cycles(scene)
    still_life(scene)
    save("linked")
    libraries: Any = bpy.data.libraries
    with libraries.load(str(folder / "ding für alle.blend"), link=True, relative=True) as (_, target):
        target.objects = ["Würfel"]
    holder = bpy.data.collections.new("Geliehen")
    holder.objects.link(target.objects[0])
    instance = place(scene, "Leihe", None, (0.1, 1.1, 0.55), rotation=(0, 0, 0.6), scale=0.55)
    instance.instance_type, instance.instance_collection = "COLLECTION", holder
    save("linked")


def movie() -> None:
    scene = empty_file()
    cycles(scene, 128, 72, 4)
    things = still_life(scene)
    turn(things["ring"], 1, 9, 180)
    frames(scene, 1, 9, 2)
    scene.render.fps, scene.render.fps_base = 30, 1.001
    scene.render.image_settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec = "MPEG4", "H264"
    save("movie-2997")


def cloth() -> None:
    scene = empty_file()
    cycles(scene, 120, 68, 4)
    still_life(scene)
    sheet = mesh("grid", x_subdivisions=16, y_subdivisions=16, size=1.3)
    drape = place(scene, "Drape", sheet, (-0.75, 0.2, 2.0), material("Linen", (0.25, 0.4, 0.6), Roughness=0.9))
    drape.modifiers.new("Cloth", "CLOTH")
    bpy.data.objects["Head"].modifiers.new("Collision", "COLLISION")
    frames(scene, 1, 8)
    save("cloth")


def make() -> None:
    card()
    two_scenes()
    sequencer()
    linked()
    movie()
    cloth()
