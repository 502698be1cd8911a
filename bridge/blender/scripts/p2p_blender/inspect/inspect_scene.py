# SPDX-License-Identifier: GPL-2.0-or-later
"""Inspects the scene that Blender was started with."""

from __future__ import annotations

import bpy

from ..common import memory
from ..common.context import context_scene
from ..common.wire import Json
from . import frame_inputs, scene_checks, scene_facts, scene_files, scene_outputs, scene_simulations, scene_tiling, scene_warnings


def inspect(request: Json) -> Json:
    """Facts and files; the probe for scene frames comes last, because it changes the loaded scene."""
    scene_checks.check_opened(request["scenePath"])
    main = context_scene()
    scene_checks.check_flags(main, request["scene"], request["format"])
    scene_checks.check_cameras(main)
    frames = request["frames"] or list(range(main.frame_start, main.frame_end + 1, main.frame_step))
    files = scene_files.collect(request["scenePath"], request["maxFiles"])
    facts = scene_facts.file_facts(main, sorted({*frames, main.frame_current}))
    facts["output"]["files"] = scene_outputs.expected_outputs(main, frames)
    facts["memoryBytes"] = memory.peak_bytes()
    facts["warnings"] = scene_warnings.warnings_of(files)
    # A linked scene may have the name of a local one, which then counts.
    scenes = sorted(bpy.data.scenes, key=lambda scene: scene.library is None)
    by_name = {scene.name: scene_facts.render_facts(scene) for scene in scenes}
    tiling = {scene.name: scene_tiling.untileable_reasons(scene) for scene in scenes}
    recipes = {scene.name: scene_facts.denoise_recipe_of(scene) for scene in scenes}
    simulations = {scene.name: scene_simulations.unbaked_in(scene) for scene in scenes}
    probed = frame_inputs.needs_probe(main)
    probe = frame_inputs.probe(main, frames, request["scratch"]) if probed else frame_inputs.single_scene(main)
    facts["frameInputs"] = probe.frame_inputs()
    facts["scenes"] = [
        {
            **by_name[name],
            **scene_facts.size_of(by_name[probe.owner_of(name)]),
            "untileable": tiling[name] + probe.untileable_reasons(name, by_name),
            "denoise": recipes[name],
            "inOrder": scene_simulations.reason(name, simulations[name], probe.frames_of(name, frames)),
        }
        for name in probe.scenes()
    ]
    return {"facts": facts, "files": files, "asOpened": not probed}
