# SPDX-License-Identifier: GPL-2.0-or-later
"""A donor's session: one loaded scene, of which many chunks are rendered."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from typing import Any

import bpy

from ..common import devices, memory, untrusted
from ..common.wire import Json, ScriptError
from . import chunk_settings, chunks, drivers, last_samples, persistence, preview, remap

# A scene whose frames were rendered without regard to order: before anything is stepped, the file is opened again.
OUT_OF_ORDER = -1

# Less than the smallest picture: a scratch folder with no more room than this is full.
MIN_FREE_BYTES = 64 * 1024


class Session:
    """The loaded scene, and how far its simulations have been stepped."""

    def __init__(self, scratch: str, is_untrusted: bool) -> None:
        self._scratch = scratch
        self._is_untrusted = is_untrusted
        self._loaded: Json | None = None
        self._driver_owners: list[Any] = []
        self._persistent = persistence.PersistentData()
        self._last_frames: dict[str, int] = {}
        self._last_samples = last_samples.LastSamples()

    def load(self, request: Json) -> None:
        """Opens a .blend and makes it ready for many renders."""
        self._loaded = None
        open_scene(request["path"])
        remap.remap_paths(request["remap"])
        strip_handlers()
        self._last_samples.listen()
        devices.apply_to_scenes()
        self._loaded = request
        self._driver_owners = drivers.owners_of_scripted_drivers()
        self._persistent = persistence.PersistentData()
        self._last_frames = {}

    def render(self, request: Json) -> Json:
        """Renders one chunk into a new folder."""
        if self._loaded is None:
            raise ScriptError("BLENDER_RENDER_FAILED", "no scene is loaded")
        spec = request["spec"]
        scene = chunk_settings.scene_of(spec)
        if self._is_untrusted:
            untrusted.check_scripts(scene, spec)
        folder = None
        try:
            folder = tempfile.mkdtemp(prefix="chunk-", dir=self._scratch)
            result = self._render_into(folder, self._loaded, request)
            if self._is_scratch_full():  # Blender reports no error for truncated files
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return result
        except Exception as error:
            no_room = self._disk_error(error) if self._is_scratch_full() else None
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            if no_room is not None:
                raise no_room from error
            raise

    def _render_into(self, folder: str, loaded: Json, request: Json) -> Json:
        spec = request["spec"]
        self._last_samples.clear()
        self._persistent.prepare(chunk_settings.scene_of(spec), spec)
        self._step_up_to(loaded, spec, folder)
        drivers.tag_for_update(self._driver_owners)
        if spec["kind"] == "raw":
            raw: str | None
            raw, seconds = chunks.render_raw(spec, folder, request["codec"])
            outputs: list[str] = []
        else:
            raw = None
            outputs, seconds = chunks.render_files(spec, folder)
        self._last_frames[spec["scene"]] = spec["frame"] if "stepFrom" in spec else OUT_OF_ORDER
        scene = chunk_settings.scene_of(spec)
        return {
            "raw": raw,
            "outputs": outputs,
            "preview": preview.save_preview(scene, pixels_of(spec, scene), os.path.join(folder, "preview.jpg")),
            "lastSamples": self._last_samples.found,
            "renderSeconds": seconds,
            "peakMemoryBytes": memory.peak_bytes(),
        }

    def _is_scratch_full(self) -> bool:
        return shutil.disk_usage(self._scratch).free < MIN_FREE_BYTES

    def _scene_fills_disk(self) -> bool:
        """Whether it is the scene that filled the disk: in a container always, on the donor's own disk hardly ever."""
        here = (os.path.join(folder, name) for folder, _, names in os.walk(self._scratch) for name in names)
        return 2 * sum(os.lstat(path).st_size for path in here) > shutil.disk_usage(self._scratch).total

    def _disk_error(self, error: Exception) -> ScriptError:
        message = " ".join(str(error).split())
        if self._is_untrusted and self._scene_fills_disk():
            return ScriptError("SCRATCH_FULL", f"the scene fills the scratch folder of its sandbox: {message}")
        return ScriptError("DISK_FULL", f"the disk is full: {message}")

    def _step_up_to(self, loaded: Json, spec: Json, folder: str) -> None:
        """Brings simulations to the frame before the one asked for; going back means starting over from the file."""
        start, frame = spec.get("stepFrom"), spec["frame"]
        if start is None:
            return
        last = self._last_frames.get(spec["scene"])
        if last is not None and not start <= last <= frame:
            self.load(loaded)
            last = None
        for step in range(start if last is None else last + 1, frame):
            chunks.step_frame(spec, step, folder)
            self._last_frames[spec["scene"]] = step


def open_scene(path: str) -> None:
    """Opens a .blend without its window layout and without running anything in it."""
    try:
        bpy.ops.wm.open_mainfile(filepath=path, load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise ScriptError("SCENE_UNREADABLE", " ".join(str(error).split())) from error
    if os.path.realpath(bpy.data.filepath) != os.path.realpath(path):
        raise ScriptError("SCENE_UNREADABLE", f"Blender did not open {path}")


def strip_handlers() -> None:
    """Removes handlers that a plain `blender -b` with factory settings would not run."""
    for name in dir(bpy.app.handlers):
        if name.startswith(("render_", "frame_change_", "depsgraph_", "composite_")):
            getattr(bpy.app.handlers, name).clear()


def pixels_of(spec: Json, scene: bpy.types.Scene) -> int:
    """How many pixels the picture has that was just rendered."""
    if spec["kind"] == "raw":
        return spec["rect"]["width"] * spec["rect"]["height"]
    render = scene.render
    return render.resolution_x * render.resolution_y * render.resolution_percentage**2 // 10_000
