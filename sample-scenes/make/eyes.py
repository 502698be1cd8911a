# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes that test cameras and rendering: lenses, pixels, views, lines, engines, denoiser."""

from __future__ import annotations

import bpy
from common import cycles, empty_file, frames, save, still_life, turn


def pixel_aspect() -> None:
    scene = empty_file()
    cycles(scene, 118, 90, 6)
    still_life(scene)
    scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = 1.4587, 1
    save("pixel-aspect")


def panorama() -> None:
    scene = empty_file()
    cycles(scene, 144, 72, 8)
    eye = still_life(scene)["camera"]
    eye.location = (0.2, -2.4, 1.0)
    eye.data.type = "PANO"
    eye.data.cycles.panorama_type = "EQUIRECTANGULAR"
    save("panorama")


def three_views() -> None:
    """Three cameras, chosen by name suffix, in separate files."""
    scene = empty_file()
    cycles(scene, 96, 54, 6)
    left = still_life(scene)["camera"]
    left.name = "Eye_left"
    for name, x in (("Eye_mid", 0.6), ("Eye_right", 1.0)):
        eye = bpy.data.objects.new(name, left.data)
        eye.location, eye.rotation_euler = (x, -5.4, 1.75), left.rotation_euler
        scene.collection.objects.link(eye)
    render = scene.render
    render.use_multiview, render.views_format = True, "MULTIVIEW"
    for view, ending in ((render.views["left"], "_left"), (render.views["right"], "_right"), (render.views.new("middle"), "_mid")):
        view.camera_suffix = view.file_suffix = ending
    render.image_settings.views_format = "INDIVIDUAL"
    scene.camera = left
    save("three-views")


def freestyle() -> None:
    scene = empty_file()
    cycles(scene, 160, 90, 4)
    still_life(scene)
    scene.render.use_freestyle = True
    lines = scene.view_layers[0].freestyle_settings
    for empty in list(lines.linesets):
        lines.linesets.remove(empty)
    style = bpy.data.linestyles.new("Contours")
    style.thickness = 1.5
    lines.linesets.new("Contours").linestyle = style
    save("freestyle")


def wide_filter() -> None:
    """A wide pixel filter with adaptive sampling over a transparent film: pixels at seams depend on the neighbouring tile."""
    scene = empty_file()
    cycles(scene, 131, 77, 6)
    still_life(scene)
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = "BLACKMAN_HARRIS", 4.5
    scene.cycles.use_adaptive_sampling, scene.cycles.adaptive_threshold = True, 0.1
    scene.cycles.samples, scene.cycles.adaptive_min_samples = 24, 4
    scene.render.film_transparent = True
    scene.cycles.film_transparent_glass = True
    save("wide-filter")


def eevee() -> None:
    scene = empty_file()
    cycles(scene, 96, 54)
    turn(still_life(scene)["head"], 1, 2, 30)
    scene.render.engine = "BLENDER_EEVEE"
    scene.eevee.taa_render_samples = 4
    frames(scene, 1, 2)
    save("eevee")


def denoise() -> None:
    scene = empty_file()
    cycles(scene, 120, 68, 4)
    still_life(scene)
    scene.cycles.use_denoising = True
    save("denoise")


def make() -> None:
    pixel_aspect()
    panorama()
    three_views()
    freestyle()
    wide_filter()
    eevee()
    denoise()
