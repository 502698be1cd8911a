# SPDX-License-Identifier: GPL-2.0-or-later
"""Renders one chunk of the loaded scene: floats for assembly, or the final files.

Frames go through Blender's animation path, because that is what `blender -b -f N` does: it evaluates
the scene's own animation (shutter, camera markers, …) for the frame, and does so without evaluating
the viewport's copy of the scene, which `frame_set` would.
"""

from __future__ import annotations

import os
import time
from typing import Any

import bpy

from ..common import compat
from ..common.wire import Json, ScriptError
from . import chunk_settings
from .overrides import Overrides


def render_raw(spec: Json, folder: str, codec: str) -> tuple[str, float]:
    """Renders the rectangle of a scene at a frame into a float multilayer EXR; returns its path and the seconds."""
    scene = chunk_settings.scene_of(spec)
    chunk_settings.check_frame(spec["frame"])
    chunk_settings.check_rect(spec)
    chunk_settings.check_camera(scene)
    if spec["denoise"] == "in-render":
        chunk_settings.check_denoiser(scene)
    with Overrides() as overrides:
        overrides.mute_animation(scene, chunk_settings.RAW_PATHS)
        chunk_settings.set_rectangle(overrides, scene.render, spec)
        chunk_settings.set_float_output(overrides, scene.render, codec)
        if spec["denoise"] == "none":
            chunk_settings.set_denoise_off(overrides, scene)
        elif spec["denoise"] == "after-assembly":
            chunk_settings.set_denoise_later(overrides, scene, spec.get("film"))
        if "half" in spec:
            chunk_settings.set_half(overrides, scene, spec["half"])
        seconds = render_frame(overrides, scene, spec["frame"], os.path.join(folder, "floats_####"))
    files = files_in(folder)
    if len(files) != 1:
        raise no_output_error(spec)
    return files[0], seconds


def render_files(spec: Json, folder: str) -> tuple[list[str], float]:
    """Renders a whole frame with the scene's own settings, but for `spec.output`; returns the paths of all files and the seconds."""
    scene = chunk_settings.scene_of(spec)
    chunk_settings.check_frame(spec["frame"])
    chunk_settings.check_denoiser(scene)
    output = spec["output"]
    base = os.path.basename(output["name"].replace("\\", "/"))
    with Overrides() as overrides:
        chunk_settings.set_fresh_output(overrides, scene.render)
        chunk_settings.set_file_output(overrides, scene.render, output)
        if scene.render.is_movie_format:
            raise ScriptError("BLENDER_RENDER_FAILED", f'scene "{scene.name}" writes a movie: one frame of it is no file')
        chunk_settings.redirect_nodes(overrides, scene, folder)
        seconds = render_frame(overrides, scene, spec["frame"], os.path.join(folder, "output", base))
    outputs = files_in(os.path.join(folder, "output"))
    if not outputs:
        raise no_output_error(spec)
    return outputs + files_in(os.path.join(folder, "nodes")), seconds


def step_frame(spec: Json, frame: int, folder: str) -> None:
    """Evaluates a frame as its render would, to advance its simulations: one pixel is rendered and deleted."""
    scene = chunk_settings.scene_of(spec)
    pixel = {"width": 16, "height": 16, "rect": {"x": 8, "y": 8, "width": 1, "height": 1}}
    with Overrides() as overrides:
        overrides.mute_animation(scene, chunk_settings.RAW_PATHS)
        chunk_settings.set_rectangle(overrides, scene.render, pixel)
        chunk_settings.set_float_output(overrides, scene.render, "NONE")
        chunk_settings.set_denoise_off(overrides, scene)
        render_frame(overrides, scene, frame, os.path.join(folder, "step_####"))
    for path in files_in(folder):
        os.remove(path)


def render_frame(overrides: Overrides, scene: bpy.types.Scene, frame: int, filepath: str) -> float:
    """One frame as `-f` renders it. Returns the seconds inside Blender."""
    overrides.mute_animation(scene, {"render.filepath", "cycles.device"})
    overrides.keep(scene.render, "filepath")
    scene.render.filepath = filepath
    arguments: dict[str, Any] = {"animation": True, "scene": scene.name}
    if compat.render_takes_frame_range():
        arguments |= {"frame_start": frame, "frame_end": frame}
    else:
        chunk_settings.set_frame_range(overrides, scene, frame)
    before = time.perf_counter()
    try:
        bpy.ops.render.render(**arguments)
    except RuntimeError as error:
        chunk_settings.check_camera(scene)
        raise ScriptError("BLENDER_RENDER_FAILED", " ".join(str(error).split())) from error
    return time.perf_counter() - before


def no_output_error(spec: Json) -> ScriptError:
    """Blender ended a render without an error and without a file."""
    return ScriptError("BLENDER_RENDER_FAILED", f'Blender wrote no picture of scene "{spec["scene"]}", frame {spec["frame"]}')


def files_in(folder: str) -> list[str]:
    """All files below a folder, sorted."""
    return sorted(os.path.join(place, name) for place, _, names in os.walk(folder) for name in names)
