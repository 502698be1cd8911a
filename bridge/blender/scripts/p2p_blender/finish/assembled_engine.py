# SPDX-License-Identifier: GPL-2.0-or-later
"""A render engine that loads assembled EXR files as if it had rendered them.

Compositor, sequencer, stereo, colour management, dithering, stamp and file formats are then Blender's
own work. A job's scenes must be Cycles scenes; Freestyle strokes, which reach the engine as a scene of
their own, are rendered by the local Cycles.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any

import addon_utils
import bpy

from . import assembled_exr

FREESTYLE_SCENE = re.compile(r"FRS\d+_")
# The assembled file of a scene at a frame, None for a scene that is not part of the job.
FileOf = Callable[[str, int], str | None]
# Passes that Blender itself adds to a result: no engine delivers them.
BLENDER_PASSES = {"Freestyle"}
# Metadata that is copied into Blender's output: Cryptomatte manifests and Cycles' sampling.
COPIED_STRINGS = ("cryptomatte/", "cycles.")


def cycles_engine() -> Any:
    """The module behind Cycles' own engine class; switches the add-on on where it is off."""
    if "cycles" not in sys.modules:
        addon_utils.enable("cycles")
    import cycles.engine  # there is no such module before the add-on is on

    return cycles.engine


def make_engine_class(idname: str, label: str, file_of: FileOf, failures: list[str]) -> type[bpy.types.RenderEngine]:  # noqa: C901 - it counts the methods of the class together
    """Makes the engine class; the caller registers it.

    `file_of(scene_name, frame)` returns the path of the assembled file, or None for a scene that is
    not part of the job. What went wrong is appended to `failures`, because Blender ends some failed
    renders as if they had succeeded.
    """
    cycles = cycles_engine()

    class AssembledEngine(bpy.types.RenderEngine):
        """Delivers what others rendered"""

        bl_idname = idname
        bl_label = label
        bl_use_preview = False
        bl_use_spherical_stereo = True
        bl_use_custom_freestyle = True
        session: Any = None

        def update_render_passes(self, scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> None:  # type: ignore[override]
            """Declares the passes that Cycles would: without it their compositor sockets vanish."""
            for name, channels, kind in cycles.list_render_passes(scene, view_layer):
                self.register_pass(scene, view_layer, name, len(channels), channels, kind)

        def update(self, data: bpy.types.BlendData, depsgraph: bpy.types.Depsgraph) -> None:  # type: ignore[override]
            """Called before each render; only strokes need a scene in memory."""
            if _is_freestyle_scene(depsgraph, file_of):
                if not self.session:
                    cycles.create(self, data)
                cycles.reset(self, data, depsgraph)

        def render(self, depsgraph: bpy.types.Depsgraph) -> None:  # type: ignore[override]
            """Fills the passes of one view layer."""
            if self.session:
                cycles.render(self, depsgraph)
                return
            try:
                _load_passes(self, depsgraph, file_of)
            except Exception as error:  # noqa: BLE001 - anything but an error report gives a picture that is wrong
                failures.append(str(error))
                self.report({"ERROR"}, str(error))

        def render_frame_finish(self) -> None:
            """Called after the last view layer."""
            if self.session:
                cycles.render_frame_finish(self)

        def __del__(self) -> None:
            if self.session:
                cycles.free(self)

    return AssembledEngine


def _is_freestyle_scene(depsgraph: Any, file_of: FileOf) -> bool:
    name = depsgraph.scene.name
    return FREESTYLE_SCENE.match(name) is not None and file_of(name, depsgraph.scene.frame_current) is None


def _load_passes(engine: Any, depsgraph: Any, file_of: FileOf) -> None:
    """Loads the assembled file into the result, view by view. Raises with one message."""
    scene, layer = depsgraph.scene, depsgraph.view_layer_eval.name
    if scene.frame_subframe != 0.0:
        raise RuntimeError(f'scene "{scene.name}" is asked for between two frames ({scene.frame_current_final})')
    path = file_of(scene.name, scene.frame_current)
    if path is None or not os.path.exists(path):
        raise RuntimeError(f'frame {scene.frame_current} of scene "{scene.name}" was not assembled')
    try:
        header = assembled_exr.read_header(path)
    except assembled_exr.InvalidExr as error:
        raise RuntimeError(f'frame {scene.frame_current} of scene "{scene.name}": {error}') from error
    whole = engine.get_result()
    for view in [view.name for view in whole.views]:
        _load_view(engine, layer, view, (path, header))
    for name, value in header.strings.items():
        if name.startswith(COPIED_STRINGS):
            whole.stamp_data_add_field(name, value)


def _load_view(engine: Any, layer: str, view: str, file: tuple[str, assembled_exr.Header]) -> None:
    path, header = file
    result = engine.begin_result(0, 0, engine.resolution_x, engine.resolution_y, layer=layer, view=view)
    try:
        size = (result.resolution_x, result.resolution_y)
        if size != (header.width, header.height):
            raise RuntimeError(f"the assembled picture has {header.width}x{header.height} pixels instead of {size[0]}x{size[1]}")
        lacking = _wanted_channels(result).difference(header.channels)
        if lacking:
            raise RuntimeError(f"the assembled picture lacks the channel {min(lacking)}")
        result.load_from_file(path)
    finally:
        engine.end_result(result)


def _wanted_channels(result: Any) -> set[str]:
    """Names of all channels that the result has room for, as they are called in the file."""
    return {
        f"{layer.name}.{full_name}.{channel}"
        for layer in result.layers
        for render_pass in layer.passes
        if render_pass.name not in BLENDER_PASSES
        for full_name in [render_pass.fullname]
        for channel in render_pass.channel_id[: render_pass.channels]
    }
