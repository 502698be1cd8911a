# SPDX-License-Identifier: GPL-2.0-or-later
"""Saves a copy of the open file for the bridge, without changing the file, its undo history or its "unsaved changes" mark."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import bpy

from .. import constants
from ..bridge.discovery import BridgeSettings, home_of
from ..preferences import user_preferences
from .output_paths import scene_outputs
from .render_engine import set_engine


def save_copy(settings: BridgeSettings) -> str:
    """The path of a new copy, under the file's own name: stamps and output templates contain it. Main thread only."""
    copies = home_of(settings) / "copies"
    copies.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_empty_folders(copies)
    folder = copies / uuid.uuid4().hex
    folder.mkdir(mode=0o700)
    path = str(folder / (bpy.path.basename(bpy.data.filepath) or "untitled.blend"))
    with _cycles_instead_of_ours(), _absolute_outputs(), _no_thumbnail():
        bpy.ops.wm.save_as_mainfile(filepath=path, copy=True, relative_remap=True, check_existing=False)
    return path


def _remove_empty_folders(copies: Path) -> None:
    """The bridge removes the copy when its job has ended, and leaves the folder."""
    for folder in copies.iterdir():
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def _cycles_instead_of_ours() -> Iterator[None]:
    """The bridge and its donors do not have this add-on."""
    ours = [scene for scene in bpy.data.scenes if scene.render.engine == constants.ENGINE_ID]
    for scene in ours:
        set_engine(scene, "CYCLES")
    try:
        yield
    finally:
        for scene in ours:
            set_engine(scene, constants.ENGINE_ID)


@contextmanager
def _absolute_outputs() -> Iterator[None]:
    """Relative output paths are relative to the artist's file, not to the copy."""
    outputs = scene_outputs() if bpy.data.filepath else []  # in a file that was never saved they lead nowhere
    relative = [(owner, name, getattr(owner, name)) for owner, name in outputs if getattr(owner, name).startswith("//")]
    for owner, name, path in relative:
        setattr(owner, name, bpy.path.abspath(path))
    try:
        yield
    finally:
        for owner, name, path in relative:
            setattr(owner, name, path)


@contextmanager
def _no_thumbnail() -> Iterator[None]:
    """Nobody sees the copy's thumbnail, and rendering it takes long."""
    preferences = user_preferences()
    paths = preferences.filepaths
    before, was_dirty = paths.file_preview_type, preferences.is_dirty
    paths.file_preview_type = "NONE"
    try:
        yield
    finally:
        paths.file_preview_type = before
        preferences.is_dirty = was_dirty
