# SPDX-License-Identifier: GPL-2.0-or-later
"""A copy of the .blend, opened beside the one that its artist has saved over: all is the same but its name."""

from __future__ import annotations

import bpy

from ..common.wire import ScriptError


def remove_file_name(scene: bpy.types.Scene, patterns: list[str]) -> None:
    """Refuses pictures that would show the copy's name, and keeps it out of their metadata."""
    if any("{blend_name" in pattern for pattern in patterns):
        raise ScriptError("SCENE_CHANGED", "the scene was saved over, and its output is named after the file")
    render = scene.render
    if render.use_stamp and render.use_stamp_filename:
        raise ScriptError("SCENE_CHANGED", "the scene was saved over, and its pictures show the file's name")
    render.use_stamp_filename = False
