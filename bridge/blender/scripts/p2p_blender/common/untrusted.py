# SPDX-License-Identifier: GPL-2.0-or-later
"""What a donor does not run of a stranger's scene, beyond what Blender itself leaves out with auto-execution off.

Switching it off would make another picture: the chunk is refused, and the requester's own machine makes it.
"""

import bpy

from .node_trees import nodes_of
from .wire import ScriptError


def check_scripts(scene, spec):
    """Refuses a chunk in whose making the scene's own scripts would run."""
    reason = why_not(scene, draws_freestyle=spec["kind"] == "files")
    if reason is not None:
        raise ScriptError("SCENE_RUNS_SCRIPTS", f'scene "{scene.name}" {reason}, which donors do not run')


def why_not(scene, draws_freestyle):
    """What of this scene donors do not run; None when they render it. Of floats, Freestyle is drawn by the requester."""
    if draws_freestyle and freestyle_scripts(scene):
        return "draws Freestyle lines by Python scripts of its own"
    if runs_osl(scene):
        return "shades by scripts of its own (Open Shading Language)"
    return None


def freestyle_scripts(scene):
    """Whether Freestyle would run text blocks: it does so with auto-execution off, too. Its parameter mode runs Blender's own alone."""
    if not scene.render.use_freestyle:
        return False
    return any(
        layer.use
        and layer.use_freestyle
        and layer.freestyle_settings.mode == "SCRIPT"
        and any(module.use and module.script for module in layer.freestyle_settings.modules)
        for layer in scene.view_layers
    )


def runs_osl(scene):
    """Whether Cycles would compile and run script nodes."""
    if scene.render.engine != "CYCLES" or not scene.cycles.shading_system or not osl_is_built_in():
        return False
    owners = (*bpy.data.materials, *bpy.data.worlds, *bpy.data.lights)
    trees = [owner.node_tree for owner in owners if owner.node_tree is not None]
    return any(node.type == "SCRIPT" for tree in trees for node in nodes_of(tree))


def osl_is_built_in():
    """Where it is not compiled in, Cycles ignores the setting."""
    try:
        import _cycles  # noqa: PLC0415 - absent where Cycles is
    except ImportError:
        return False
    return bool(getattr(_cycles, "with_osl", False))
