# SPDX-License-Identifier: GPL-2.0-or-later
"""Which scene frames Blender asks its render engine for, found by running its pipeline with an engine that only records the calls.

Sequencer strips ask for other scenes at other frames, Render Layers nodes for other scenes at the main
scene's size. Blender's behaviour is not reimplemented here but observed, at thumbnail size.
"""

from __future__ import annotations

import os
import shutil
from typing import Any, ClassVar

import bpy

from ..common import compat
from ..common.strip_scene import strip_scene
from ..common.wire import Json
from ..finish.assembled_engine import cycles_engine
from . import scene_checks

# One scene frame that is asked for: scene, frame, the scene whose size it has, and the camera that a strip chose.
Call = tuple[str, int, str, str | None]

# Each scene gets a size of its own, so that an engine can tell whose size it was given.
FIRST_WIDTH = 16
PROBE_HEIGHT = 16
PROBE_PATHS = (
    "render.resolution_",
    "render.use_border",
    "render.use_multiview",
    "render.use_freestyle",
    "render.use_stamp",
    "render.use_motion_blur",
    "render.use_overwrite",
    "render.use_placeholder",
    "render.filepath",
)


def needs_probe(main: bpy.types.Scene) -> bool:
    """False when each frame plainly is one picture of the main scene."""
    if scene_checks.has_active_sequencer(main):
        return True
    return scene_checks.composited_scenes(main) != [main]


class FrameInputs:
    """The scene frames that each frame is made of."""

    def __init__(self, main: bpy.types.Scene) -> None:
        self._main = main.name
        self._frames: list[tuple[int, list[tuple[str, int]]]] = []
        self._owners: dict[str, set[str]] = {}
        self._cameras: dict[tuple[str, int], set[str | None]] = {}
        self.trivial = False

    def add_frame(self, frame: int, calls: list[Call]) -> None:
        """The engine calls of one output frame; several view layers and views are one scene frame."""
        self._frames.append((frame, scene_checks.unique((scene, at) for scene, at, _, _ in calls)))
        for scene, at, owner, camera in calls:
            self._owners.setdefault(scene, set()).add(owner)
            self._cameras.setdefault((scene, at), set()).add(camera)

    def frame_inputs(self) -> list[Json]:
        """As the bridge knows it; empty where each frame is one frame of the main scene."""
        if self.trivial:
            return []
        return [
            {"frame": frame, "sceneFrames": [{"scene": scene, "frame": at} for scene, at in scene_frames]}
            for frame, scene_frames in self._frames
        ]

    def scenes(self) -> list[str]:
        """The names of all scenes that take part, the main one first."""
        return scene_checks.unique([self._main, *self._owners])

    def owner_of(self, name: str) -> str:
        """The scene whose size a scene is rendered at."""
        owners = self._owners.get(name, {name})
        return name if name in owners else sorted(owners)[0]

    def frames_of(self, name: str, frames: list[int]) -> list[int]:
        """The frames at which a scene is rendered."""
        return frames if self.trivial else [at for _, scene_frames in self._frames for scene, at in scene_frames if scene == name]

    def untileable_reasons(self, name: str, facts: dict[str, Json]) -> list[Json]:
        """Why a scene's frames cannot be tiled, or are not identified by scene and frame alone."""
        engines = {facts[scene]["engine"] for scene in self._owners}
        reasons = []
        if "CYCLES" in engines and len(engines) > 1:
            reasons.append(
                reason("mixed-engines", f"Scenes of several render engines make one picture: {', '.join(sorted(engines))}.")
            )
        if len(self._owners.get(name, ())) > 1:
            reasons.append(reason("several-sizes", f'Scene "{name}" is rendered at several sizes for one job.'))
        if self._has_strip_camera(name):
            reasons.append(reason("strip-camera", f'Scene "{name}" is rendered through a camera that a sequencer strip chose.'))
        return reasons

    def _has_strip_camera(self, name: str) -> bool:
        return any(scene == name and cameras != {None} for (scene, _), cameras in self._cameras.items())


def single_scene(main: bpy.types.Scene) -> FrameInputs:
    """Each frame is one frame of the main scene, at its own size."""
    scene_frames = FrameInputs(main)
    scene_frames.trivial = True
    scene_frames._owners[main.name] = {main.name}
    return scene_frames


def probe(main: bpy.types.Scene, frames: list[int], scratch: str) -> FrameInputs:
    """Renders the frames as thumbnails with an engine that records the calls. Changes the loaded scenes."""
    scene_frames = FrameInputs(main)
    folder = os.path.join(scratch, "probe", "")
    os.makedirs(folder, exist_ok=True)
    owners = set_up_thumbnails(main, folder)
    bpy.utils.register_class(ProbeEngine)
    try:
        for scene in bpy.data.scenes:
            render: Any = scene.render
            render.engine = ProbeEngine.bl_idname
        strip_scene(main, ProbeEngine.bl_idname)
        for frame in frames:
            ProbeEngine.calls = []
            compat.render_frames(main, frame, frame)
            scene_frames.add_frame(
                frame, [(scene, at, owners.get(width, scene), camera) for scene, at, width, camera in ProbeEngine.calls]
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return scene_frames


def set_up_thumbnails(main: bpy.types.Scene, folder: str) -> dict[int, str]:
    """Thumbnail sizes, and no file outside `folder`. Returns the width of each scene's thumbnail -> its name."""
    owners = {}
    for number, scene in enumerate(bpy.data.scenes):
        render = scene.render
        mute_curves(scene)
        owners[FIRST_WIDTH + number] = scene.name
        render.resolution_x, render.resolution_y, render.resolution_percentage = FIRST_WIDTH + number, PROBE_HEIGHT, 100
        render.use_border = render.use_multiview = render.use_freestyle = render.use_stamp = render.use_motion_blur = False
        render.use_overwrite, render.use_placeholder = True, False
        compat.set_file_format(render.image_settings, "PNG")
        render.filepath = os.path.join(folder, "probe_")
    for tree in compat.compositor_trees():
        for node in tree.nodes:
            if node.bl_idname == "CompositorNodeOutputFile":
                compat.redirect_file_output(node, folder)
    return owners


def mute_curves(scene: bpy.types.Scene) -> None:
    """Animated render settings would overrule the thumbnail's."""
    for curve in compat.animation_curves(scene):
        if curve.data_path.startswith(PROBE_PATHS):
            curve.mute = True


class ProbeEngine(bpy.types.RenderEngine):
    """Renders nothing; records scene, frame, width and a strip's camera of each call."""

    bl_idname = bl_label = "FRAME_PROBE"
    bl_use_custom_freestyle = True
    calls: ClassVar[list[tuple[str, int, int, str | None]]] = []

    def update_render_passes(self, scene: bpy.types.Scene, layer: bpy.types.ViewLayer) -> None:  # type: ignore[override]
        """The passes that Cycles would give, so that no compositor link is lost."""
        for name, ids, kind in cycles_engine().list_render_passes(scene, layer):
            self.register_pass(scene, layer, name, len(ids), ids, kind)

    def render(self, depsgraph: Any) -> None:  # type: ignore[override]
        """Records the call and returns an empty result."""
        scene = depsgraph.scene
        camera: Any = self.camera_override
        chosen = camera.original.name if camera and camera.original != scene.original.camera else None
        ProbeEngine.calls.append((scene.name, scene.frame_current, self.resolution_x, chosen))
        self.end_result(self.begin_result(0, 0, self.resolution_x, self.resolution_y, layer=depsgraph.view_layer.name))


def reason(code: str, message: str) -> Json:
    """A reason as the bridge knows it."""
    return {"code": code, "message": message}
