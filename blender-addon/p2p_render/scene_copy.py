# SPDX-License-Identifier: GPL-2.0-or-later
"""Saves a copy of what is open, for the bridge. The artist's file, its undo steps and its "unsaved" mark stay what they are."""

import uuid
from contextlib import contextmanager, suppress

import bpy

from . import names
from .bridge_process import home_of
from .output_paths import scene_outputs


def save_copy(place):
    """Path of a fresh copy under its own name, so that stamps and name templates read as they should. Main thread only."""
    folder = home_of(place) / "copies"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(folder)
    own = folder / uuid.uuid4().hex
    own.mkdir(mode=0o700)
    path = str(own / (bpy.path.basename(bpy.data.filepath) or "untitled.blend"))
    with _real_engines(), _own_outputs(), _no_thumbnail():
        bpy.ops.wm.save_as_mainfile(filepath=path, copy=True, relative_remap=True, check_existing=False)
    return path


def _sweep(folder):
    """The bridge takes copies away when their jobs have ended; their folders are left."""
    for left in folder.iterdir():
        with suppress(OSError):
            left.rmdir()


@contextmanager
def _real_engines():
    """The bridge and its donors know Cycles, and not this add-on."""
    ours = [scene for scene in bpy.data.scenes if scene.render.engine == names.ENGINE_ID]
    for scene in ours:
        scene.render.engine = "CYCLES"
    try:
        yield
    finally:
        for scene in ours:
            scene.render.engine = names.ENGINE_ID


@contextmanager
def _own_outputs():
    """Pictures belong where the artist's file says, and not beside the copy."""
    outputs = scene_outputs() if bpy.data.filepath else []  # of a file that was never saved they lead nowhere
    relative = [(owner, name, getattr(owner, name)) for owner, name in outputs if getattr(owner, name).startswith("//")]
    for owner, name, path in relative:
        setattr(owner, name, bpy.path.abspath(path))
    try:
        yield
    finally:
        for owner, name, path in relative:
            setattr(owner, name, path)


@contextmanager
def _no_thumbnail():
    """Nobody looks at the copy's thumbnail, and drawing it takes long."""
    paths, preferences = bpy.context.preferences.filepaths, bpy.context.preferences
    before, was_dirty = paths.file_preview_type, preferences.is_dirty
    paths.file_preview_type = "NONE"
    try:
        yield
    finally:
        paths.file_preview_type = before
        preferences.is_dirty = was_dirty
