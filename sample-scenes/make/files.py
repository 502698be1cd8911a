# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes that test the files they read or write, and their timing."""

from __future__ import annotations

from typing import Any

import bpy
from common import HERE, camera, cycles, empty_file, frames, material, mesh, place, save, still_life, turn


def formats() -> None:
    """Stills in formats that a farm easily gets wrong."""
    for name, kind, depth, mode in (
        ("tiff-16", "TIFF", "16", "RGBA"),
        ("jpeg2000", "JPEG2000", "16", "RGB"),
        ("half-float", "OPEN_EXR", "16", "RGB"),
    ):
        scene = empty_file()
        cycles(scene, 120, 68, 4)
        still_life(scene)
        settings = scene.render.image_settings
        settings.file_format, settings.color_mode = kind, mode
        settings.color_depth = depth
        if kind == "OPEN_EXR":
            settings.exr_codec = "DWAA"
        save(name)


def bare_names() -> None:
    """No extension, and frame numbers with more than four digits."""
    scene = empty_file()
    cycles(scene, 96, 54, 4)
    turn(still_life(scene)["ring"], 9998, 10001, 90)
    scene.render.use_file_extension = False
    frames(scene, 9998, 10001)
    scene.frame_set(9999)
    save("bare-names")


def image_sequence() -> None:
    """A texture from an image sequence, with an offset, extended past its end."""
    folder = HERE / "pictures" / "sequence"
    folder.mkdir(parents=True, exist_ok=True)
    empty_file()
    for number in range(1, 4):
        picture: Any = bpy.data.images.new(f"step {number}", 16, 16)
        picture.pixels = [
            value for y in range(16) for x in range(16) for value in (number / 3 * ((x + y * number) // 4 % 2), 0.3, x / 16, 1)
        ]
        picture.file_format, picture.filepath_raw = "PNG", str(folder / f"step_{number:03}.png")
        picture.save()
    scene = empty_file()
    cycles(scene, 120, 68, 4)
    still_life(scene)
    mat = material("Changing", (0.5, 0.5, 0.5), Roughness=0.5)
    texture = mat.node_tree.nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.load(str(folder / "step_001.png"))
    texture.image.source = "SEQUENCE"
    user = texture.image_user
    user.frame_duration, user.frame_start, user.frame_offset, user.use_auto_refresh, user.use_cyclic = 3, 2, 0, True, True
    mat.node_tree.links.new(texture.outputs["Color"], mat.node_tree.nodes["Principled BSDF"].inputs["Base Color"])
    place(scene, "Screen", mesh("cube", smooth=False), (0.1, 1.1, 0.7), mat, (0, 0, 0.5), 0.6)
    frames(scene, 2, 5)
    save("image-sequence")


def persistent_motion() -> None:
    """Persistent data with deforming and rotating objects in motion blur, and a moving camera."""
    scene = empty_file()
    cycles(scene, 120, 68, 6)
    things = still_life(scene)
    scene.render.use_persistent_data = scene.render.use_motion_blur = True
    scene.render.motion_blur_shutter = 0.8
    turn(things["ring"], 1, 4, 150)
    twist = things["head"].modifiers.new("Twist", "SIMPLE_DEFORM")
    for frame, angle in ((1, 0.0), (4, 1.2)):
        twist.angle = angle
        twist.keyframe_insert("angle", frame=frame)
        things["camera"].location.x = 0.35 + frame * 0.05
        things["camera"].keyframe_insert("location", frame=frame)
    frames(scene, 1, 4)
    save("persistent-motion")


def marker_cameras() -> None:
    """Markers switch to a camera with another lens in the middle of the range."""
    scene = empty_file()
    cycles(scene, 120, 68, 4)
    first = still_life(scene)["camera"]
    second = camera(scene, (-2.2, -3.2, 2.6), lens=34)
    third = camera(scene, (2.8, -3.0, 1.2), lens=50)
    third.data.type, third.data.ortho_scale = "ORTHO", 4
    for frame, eye in ((1, first), (2, second), (4, third)):
        scene.timeline_markers.new(eye.name, frame=frame).camera = eye
    scene.camera = first
    frames(scene, 1, 4)
    save("marker-cameras")


def time_remap() -> None:
    """Time remapping: the scene's frames are not the frames of the animation."""
    scene = empty_file()
    cycles(scene, 96, 54, 4)
    turn(still_life(scene)["head"], 1, 8, 160)
    scene.render.frame_map_old, scene.render.frame_map_new = 100, 250
    frames(scene, 2, 6, 2)
    save("time-remap")


def make() -> None:
    formats()
    bare_names()
    image_sequence()
    persistent_motion()
    marker_cameras()
    time_remap()
