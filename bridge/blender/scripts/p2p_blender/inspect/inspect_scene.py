# SPDX-License-Identifier: GPL-2.0-or-later
"""Tells what a job must know of the scene that Blender was started with."""

import bpy

from ..common import memory
from . import scene_checks
from . import scene_facts
from . import scene_files
from . import scene_outputs
from . import scene_simulations
from . import scene_tiling
from . import frame_inputs
from . import scene_warnings


def inspect(request):
    """Facts and files; the probe for frame units comes last, because it changes the loaded scene."""
    scene_checks.check_opened(request["scenePath"])
    main = bpy.context.scene
    scene_checks.check_flags(main, request["scene"], request["format"])
    scene_checks.check_cameras(main)
    frames = request["frames"] or list(range(main.frame_start, main.frame_end + 1, main.frame_step))
    files = scene_files.collect(request["scenePath"], request["maxFiles"])
    facts = scene_facts.file_facts(main, sorted({*frames, main.frame_current}))
    facts["output"]["files"] = scene_outputs.expected(main, frames)
    facts["memoryBytes"] = memory.peak_bytes()
    facts["warnings"] = scene_warnings.warnings_of(files)
    # A linked scene may have the name of a local one, which then counts.
    scenes = sorted(bpy.data.scenes, key=lambda scene: scene.library is None)
    by_name = {scene.name: scene_facts.render_facts(scene) for scene in scenes}
    tiling = {scene.name: scene_tiling.reasons_against(scene) for scene in scenes}
    simulations = {scene.name: scene_simulations.unbaked_in(scene) for scene in scenes}
    probed = frame_inputs.needs_probe(main)
    probe = frame_inputs.probe(main, frames, request["scratch"]) if probed else frame_inputs.plain(main)
    facts["frameInputs"] = probe.frame_inputs()
    facts["scenes"] = [
        {
            **by_name[name],
            **scene_facts.size_of(by_name[probe.owner_of(name)]),
            "untileable": tiling[name] + probe.reasons_against(name, by_name),
            "inOrder": scene_simulations.reason(name, simulations[name], probe.frames_of(name, frames)),
        }
        for name in probe.scenes()
    ]
    return {"facts": facts, "files": files, "asOpened": not probed}
