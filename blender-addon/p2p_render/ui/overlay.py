# SPDX-License-Identifier: GPL-2.0-or-later
"""Borders in the Image Editor: which peer renders where."""

import colorsys
import zlib
from typing import Any

import blf
import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ..bridge.wire.generated import Rect
from ..preferences import user_preferences
from ..render.render_handoff import render_handoff

Colour = tuple[float, float, float, float]
# x, y, width, height.
Frame = tuple[int, int, int, int]
# left, bottom, right, top.
Box = tuple[float, float, float, float]

FONT_SIZE = 11
MARGIN = 4

_handles: list[Any] = []


def draw() -> None:
    """In pixels of the Image Editor's region, over the render result while the engine renders."""
    space, region, scene = bpy.context.space_data, bpy.context.region, bpy.context.scene
    run = render_handoff.run
    if not render_handoff.is_rendering or run is None or region is None or scene is None:
        return
    if not isinstance(space, bpy.types.SpaceImageEditor) or space.image is None or space.image.type != "RENDER_RESULT":
        return
    frame = frame_of(scene)
    for donor, place in list(run.progress.active_chunks.values()):
        if place.rect is not None:
            _draw_chunk(_box_of(region, frame, place.rect), run.progress.name_of(donor), colour_of(donor))


def frame_of(scene: bpy.types.Scene) -> Frame:
    """The rectangle that the picture shows, in pixels of the full frame."""
    render = scene.render
    scale = render.resolution_percentage / 100
    width, height = int(render.resolution_x * scale), int(render.resolution_y * scale)
    if not (render.use_border and render.use_crop_to_border):
        return (0, 0, width, height)
    left, bottom = int(render.border_min_x * width), int(render.border_min_y * height)
    return (left, bottom, int(render.border_max_x * width) - left, int(render.border_max_y * height) - bottom)


def colour_of(donor: str) -> Colour:
    """A colour for each peer, the same in every Blender."""
    return (*colorsys.hsv_to_rgb(zlib.crc32(donor.encode()) % 360 / 360, 0.65, 1.0), 0.9)


def _box_of(region: bpy.types.Region, frame: Frame, rect: Rect) -> Box:
    x, y, width, height = frame
    view: Any = region.view2d
    left, bottom = view.view_to_region((rect.x - x) / width, (rect.y - y) / height, clip=False)
    right, top = view.view_to_region((rect.x + rect.width - x) / width, (rect.y + rect.height - y) / height, clip=False)
    return left, bottom, right, top


def _draw_chunk(box: Box, name: str, colour: Colour) -> None:
    left, bottom, right, top = box
    corners = [(left + 1, bottom + 1), (right - 1, bottom + 1), (right - 1, top - 1), (left + 1, top - 1), (left + 1, bottom + 1)]
    shader = _shader()
    shader.bind()
    shader.uniform_float("color", colour)
    gpu.state.blend_set("ALPHA")
    gpu.state.line_width_set(1.5)
    batch_for_shader(shader, "LINE_STRIP", {"pos": corners}).draw(shader)
    _draw_name(name, colour, box)
    gpu.state.line_width_set(1.0)
    gpu.state.blend_set("NONE")


def _draw_name(name: str, colour: Colour, box: Box) -> None:
    """Only if it fits."""
    left, bottom, right, top = box
    _set_font_size(FONT_SIZE * user_preferences().system.ui_scale)
    width, height = blf.dimensions(0, name)
    if width + 2 * MARGIN > right - left or height + 2 * MARGIN > top - bottom:
        return
    blf.color(0, *colour)
    blf.position(0, left + MARGIN + 1, top - height - MARGIN - 2, 0)
    blf.draw(0, name)


def _set_font_size(size: float) -> None:
    """Before Blender 4 it needs a resolution, too."""
    set_size: Any = blf.size
    if bpy.app.version < (4, 0, 0):
        set_size(0, size, 72)
    else:
        set_size(0, size)


def _shader() -> gpu.types.GPUShader:
    """Called 2D_UNIFORM_COLOR before Blender 4."""
    find: Any = gpu.shader.from_builtin
    try:
        return find("UNIFORM_COLOR")
    except ValueError:
        return find("2D_UNIFORM_COLOR")


def register() -> None:
    if not bpy.app.background:
        _handles.append(bpy.types.SpaceImageEditor.draw_handler_add(draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    while _handles:
        bpy.types.SpaceImageEditor.draw_handler_remove(_handles.pop(), "WINDOW")
