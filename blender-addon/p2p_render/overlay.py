# SPDX-License-Identifier: GPL-2.0-or-later
"""Borders in the Image Editor: which peer works where."""

import colorsys
import zlib

import blf
import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from .stage import stage

_handles = []


def draw():
    """In pixels of the Image Editor's region, over the render result while the engine is at work."""
    space, region = bpy.context.space_data, bpy.context.region
    run = stage.run
    if not stage.is_rendering or run is None or space.image is None or space.image.type != "RENDER_RESULT":
        return
    frame = frame_of(bpy.context.scene)
    for donor, place in list(run.progress.at_work.values()):
        if place.rect is not None:
            _draw_one(region, frame, place.rect, (run.progress.name_of(donor), colour_of(donor)))


def frame_of(scene):
    """The rectangle that the picture shows, in full-frame pixels: x, y, width, height."""
    render = scene.render
    scale = render.resolution_percentage / 100
    width, height = int(render.resolution_x * scale), int(render.resolution_y * scale)
    if not (render.use_border and render.use_crop_to_border):
        return (0, 0, width, height)
    left, bottom = int(render.border_min_x * width), int(render.border_min_y * height)
    return (left, bottom, int(render.border_max_x * width) - left, int(render.border_max_y * height) - bottom)


def colour_of(donor):
    """A colour of its own for each peer, the same in every Blender."""
    return (*colorsys.hsv_to_rgb(zlib.crc32(donor.encode()) % 360 / 360, 0.65, 1.0), 0.9)


def _draw_one(region, frame, rect, look):
    name, colour = look
    x, y, width, height = frame
    to_region = region.view2d.view_to_region
    left, bottom = to_region((rect.x - x) / width, (rect.y - y) / height, clip=False)
    right, top = to_region((rect.x + rect.width - x) / width, (rect.y + rect.height - y) / height, clip=False)
    corners = [(left + 1, bottom + 1), (right - 1, bottom + 1), (right - 1, top - 1), (left + 1, top - 1)]
    shader = _shader()
    shader.bind()
    shader.uniform_float("color", colour)
    gpu.state.blend_set("ALPHA")
    gpu.state.line_width_set(1.5)
    batch_for_shader(shader, "LINE_LOOP", {"pos": corners}).draw(shader)
    _draw_name(name, colour, (left, bottom, right, top))
    gpu.state.line_width_set(1.0)
    gpu.state.blend_set("NONE")


def _draw_name(name, colour, box):
    """Only where it fits."""
    left, bottom, right, top = box
    size = 11 * bpy.context.preferences.system.ui_scale
    if bpy.app.version < (4, 0, 0):
        blf.size(0, size, 72)
    else:
        blf.size(0, size)
    width, height = blf.dimensions(0, name)
    if width + 8 > right - left or height + 8 > top - bottom:
        return
    blf.color(0, *colour)
    blf.position(0, left + 5, top - height - 6, 0)
    blf.draw(0, name)


def _shader():
    """Called 2D_UNIFORM_COLOR before Blender 4."""
    try:
        return gpu.shader.from_builtin("UNIFORM_COLOR")
    except ValueError:
        return gpu.shader.from_builtin("2D_UNIFORM_COLOR")


def register():
    if not bpy.app.background:
        _handles.append(bpy.types.SpaceImageEditor.draw_handler_add(draw, (), "WINDOW", "POST_PIXEL"))


def unregister():
    while _handles:
        bpy.types.SpaceImageEditor.draw_handler_remove(_handles.pop(), "WINDOW")
