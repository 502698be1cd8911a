# SPDX-License-Identifier: GPL-2.0-or-later
"""Finishing: compositing, sequencer and output of assembled EXR files, in the scene that Blender was started with."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil

import bpy

from ..common import compat
from ..common.context import context_scene
from ..common.strip_scene import strip_scene
from ..common.wire import Json, ScriptError
from . import assembled_engine, copied_scene
from .finish_outputs import Outputs

ENGINE_ID = "ASSEMBLED"
# Less free space than this after a frame: Blender may have cut off a file without an error.
MIN_FREE_BYTES = 64 * 1024


class Finisher:
    """The open scene and its outputs."""

    def __init__(self) -> None:
        self._opened: tuple[bpy.types.Scene, Outputs] | None = None
        self._stage = ""
        self._failures: list[str] = []

    def open(self, request: Json) -> Json:
        """Checks the scene that Blender opened, and switches the job's scenes to the engine."""
        check_scene(request["scenePath"], request["sceneName"])
        scene = context_scene()
        outputs = Outputs(scene)
        if request["isCopy"]:
            copied_scene.remove_file_name(scene, outputs.patterns())
        job_scenes, folder = frozenset(request["jobScenes"]), request["assembledFolder"]

        def file_of(scene: str, frame: int) -> str | None:
            return os.path.join(folder, assembled_name(scene, frame)) if scene in job_scenes else None

        bpy.utils.register_class(assembled_engine.make_engine_class(ENGINE_ID, "Assembled", file_of, self._failures))
        switch_engines(job_scenes)
        self._opened = scene, outputs
        return {"outputFolder": outputs.main_folder}

    def stage(self, request: Json) -> None:
        """Names the folder that everything is written into first."""
        scene, outputs = self._scene_and_outputs()
        self._stage = request["folder"]
        outputs.redirect(self._stage)
        render = scene.render
        # The stage is empty: overwrite and placeholder settings were applied when the frames were planned.
        render.use_overwrite = True
        render.use_placeholder = False
        strip_scene(scene, ENGINE_ID)

    def frame(self, request: Json) -> Json:
        """One frame, as `blender -b -f` makes it."""
        return self._render(request["frame"], request["frame"])

    def movie(self, request: Json) -> Json:
        """The scene's animation over a range, as `blender -b -a` makes it."""
        scene, _ = self._scene_and_outputs()
        scene.frame_start, scene.frame_end, scene.frame_step = request["start"], request["end"], request["step"]
        return self._render(request["start"], request["end"])

    def _render(self, start: int, end: int) -> Json:
        scene, outputs = self._scene_and_outputs()
        self._failures.clear()
        outputs.make_folders()
        reason = None
        try:
            compat.render_frames(scene, start, end)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
        files = outputs.written()
        if self._failures:
            raise ScriptError("FINISHING_FAILED", self._failures[0])
        if is_full(self._stage, reason):
            raise ScriptError("DISK_FULL", f"no space is left for pictures in {outputs.main_folder}")
        if reason:
            raise ScriptError("FINISHING_FAILED", reason.removeprefix("Error: "))
        if not any(file["main"] and os.path.getsize(file["staged"]) > 0 for file in files):
            raise ScriptError("FINISHING_FAILED", f"Blender wrote no picture of frame {start}")
        return {"files": files}

    def _scene_and_outputs(self) -> tuple[bpy.types.Scene, Outputs]:
        if self._opened is None:
            raise ScriptError("FINISHING_FAILED", "no scene is open")
        return self._opened


def check_scene(path: str, name: str | None) -> None:
    """Blender goes on with its start-up scene where it could not open the file, and with another scene where -S names none."""
    if not bpy.data.filepath or os.path.realpath(bpy.data.filepath) != os.path.realpath(path):
        raise ScriptError("SCENE_UNREADABLE", f"Blender did not open {path}")
    if name is not None and context_scene().name != name:
        raise ScriptError("SCENE_UNKNOWN", f'the file has no scene "{name}"')


def assembled_name(scene: str, frame: int) -> str:
    """The same rule as `assembledFileName` of the bridge."""
    return f"{hashlib.sha256(scene.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}_{frame}.exr"


def switch_engines(job_scenes: frozenset[str]) -> None:
    """Job scenes of other engines than Cycles are rendered by this process: correct, only slower."""
    missing = job_scenes - {scene.name for scene in bpy.data.scenes}
    if missing:
        raise ScriptError("SCENE_UNKNOWN", f'the file has no scene "{min(missing)}"')
    for scene in bpy.data.scenes:
        if scene.name in job_scenes and scene.render.engine == "CYCLES":
            scene.render.engine = ENGINE_ID


def is_full(folder: str, reason: str | None) -> bool:
    """Whether the disk is full."""
    said = reason is not None and os.strerror(errno.ENOSPC) in reason
    return said or (os.path.isdir(folder) and shutil.disk_usage(folder).free < MIN_FREE_BYTES)
