# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files Blender will write for the requested frames: Blender's own answers, stored as patterns where possible.

Uncertain files are left out: an expected file that is never written would be a false alarm.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

import bpy

from ..common.wire import Json
from . import node_outputs, scene_facts

# Up to so many frames each answer is compared with the pattern; of more, this many spread over all of them.
MAX_COMPARED = 4096
# Answers without a pattern are listed, up to so many in a job.
MAX_LISTED = 10_000


def expected_outputs(main: bpy.types.Scene, frames: list[int]) -> list[Json]:
    """The main output's files, the movie's, and those of File Output nodes, as the bridge knows them."""
    found, listed = [], 0
    with node_outputs.writers(main) as of_nodes:
        for kind, ask in [*main_writers(main), *(("node", ask) for ask in of_nodes)]:
            output = output_entry(kind, ask, frames)
            listed += len(output.get("paths", ()))
            if output not in found and listed <= MAX_LISTED:
                found.append(output)
    return found


def output_entry(kind: str, ask: Callable[[int], str], frames: list[int]) -> Json:
    """One output: prefix, digits of the frame number, suffix; or, if Blender's answers have no such pattern, a list of paths."""
    before, digits, after = pattern_of(ask)
    if all(ask(frame) == before + number(frame, digits) + after for frame in sampled_frames(frames)):
        return {"kind": kind, "before": before, "digits": digits, "after": after}
    return {"kind": kind, "paths": [[frame, ask(frame)] for frame in frames]}


def pattern_of(ask: Callable[[int], str]) -> tuple[str, int, str]:
    """The text before and after the frame number, if the answers differ only there."""
    one, two, minus = ask(1), ask(2), ask(-1)
    if one == two:
        return one, 0, ""
    before = os.path.commonprefix([one, minus])
    after = os.path.commonprefix([one[::-1], two[::-1]])[::-1]
    return before, max(1, len(one) - len(before) - len(after)), after


def number(frame: int, digits: int) -> str:
    """A frame number as Blender writes it: sign first, padded with zeros; empty if the name has no number."""
    return "" if digits == 0 else ("-" if frame < 0 else "") + str(abs(frame)).zfill(digits)


def sampled_frames(frames: list[int]) -> list[int]:
    """The frames whose answers are compared: all, or the first, the last and others between."""
    if len(frames) <= MAX_COMPARED:
        return frames
    step = len(frames) // MAX_COMPARED + 1
    return [*frames[::step], frames[-1]]


def main_writers(main: bpy.types.Scene) -> list[tuple[str, Callable[[int], str]]]:
    """Of the scene's own output: its kind, and a function from frame to absolute path, one for each file of a frame."""
    render = main.render
    settings = render.image_settings
    views = scene_facts.views_of(render) if settings.views_format == "INDIVIDUAL" else [""]
    if settings.file_format in scene_facts.MOVIE_FORMATS:
        if render.ffmpeg is not None and render.ffmpeg.use_autosplit:
            return []  # its parts are counted as they are written
        return [("movie", functools.partial(frame_path, render, view=view)) for view in views]
    # Of one view alone Blender makes files without a suffix; else it puts it into the whole name, extension included.
    suffixes = [render.views[view].file_suffix for view in views] if len(views) > 1 else [""]
    return [("main", functools.partial(frame_path_with_suffix, render, suffix)) for suffix in suffixes]


def frame_path(render: bpy.types.RenderSettings, frame: int, view: str = "") -> str:
    """Blender's own answer."""
    return os.path.abspath(render.frame_path(frame=frame, view=view))


def frame_path_with_suffix(render: bpy.types.RenderSettings, suffix: str, frame: int) -> str:
    """Blender's answer with a view's suffix before the extension."""
    stem, extension = os.path.splitext(frame_path(render, frame))
    return stem + suffix + extension
