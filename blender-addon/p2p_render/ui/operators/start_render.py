# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts a render with our engine, after the checks that both render operators share."""

import bpy

from ... import preferences, properties
from ...bridge.bridge_client import bridge_client
from ...bridge.render_request import RenderRequest
from ...render import engine_switch
from ...render.render_handoff import render_handoff
from ...scene import preflight
from ...scene.scene_facts import facts_of


def why_not(scene: bpy.types.Scene, makes_files: bool) -> str | None:
    """Why a render would fail, or None."""
    settings = properties.submission_settings(scene, preferences.allowed_peers())
    findings = preflight.check(facts_of(scene), bridge_client.swarm, settings)
    errors = [finding for finding in findings if finding.level == preflight.ERROR]
    if errors:
        return errors[0].message
    if makes_files and not bpy.data.filepath and scene.render.filepath.startswith("//"):
        return "Save the scene first: its output path is relative to it."
    return None


def is_tiled_engine(scene: bpy.types.Scene) -> bool:
    """Raw pixels of Cycles can come back into this Blender; other engines make files."""
    return scene.render.engine in {"CYCLES", "P2P_SWARM"}


def start_in_window(request: RenderRequest) -> bool:
    """F12 with our engine. False when Blender does not start it."""
    render_handoff.request = request
    engine_switch.swap_in()
    if "RUNNING_MODAL" in bpy.ops.render.render("INVOKE_DEFAULT", use_viewport=True):
        return True
    render_handoff.request = None
    engine_switch.restore()
    return False


def render_and_wait(request: RenderRequest) -> None:
    """The same for scripts: returns when the picture is rendered. Raises RuntimeError."""
    render_handoff.request = request
    engine_switch.swap_in()
    try:
        bpy.ops.render.render()
    finally:
        render_handoff.request = None
        engine_switch.restore()
