# SPDX-License-Identifier: GPL-2.0-or-later
"""Warnings for the user before the render: problems that do not stop it, but show in the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from ..common import compat, cycles, rna, untrusted
from ..common.wire import Json


def warnings_of(files: list[Json]) -> list[Json]:
    """All warnings: missing files first."""
    paths = [file["path"] for file in files if file["missing"]]
    missing = [warning("file-missing", f"The scene names a file that is not there: {path}") for path in paths]
    return missing + [found for check in CHECKS for found in check()]


def engines() -> Iterator[Json]:
    """Engines of add-ons are missing on donors."""
    for scene in bpy.data.scenes:
        engine = scene.render.engine
        if engine not in compat.BUILT_IN_ENGINES:
            wanted = f'Scene "{scene.name}" wants a render engine'
            yield warning("external-engine", f"{wanted} that Blender does not bring along: {engine or 'unknown'}.")


def drivers() -> Iterator[Json]:
    """Drivers with Python beyond simple arithmetic do not run where scripts may not run by themselves."""
    for block in bpy.data.user_map():
        for curve in drivers_of(block):
            if curve.driver.type == "SCRIPTED" and not curve.driver.is_simple_expression:
                what = f'A driver of "{block.name}" ({curve.data_path})'
                yield warning("script-driver", f"{what} is a Python script, which does not run here: {curve.driver.expression}")


def drivers_of(block: Any) -> Iterator[Any]:
    """The drivers of a data-block and of the node tree and shape keys inside it."""
    inside = [rna.value_of(block, name) for name in ("node_tree", "shape_keys")]
    for owner in [block, *(each for each in inside if each)]:
        data = rna.value_of(owner, "animation_data")
        yield from data.drivers if data else []


def startup_scripts() -> Iterator[Json]:
    """Texts that Blender would run on loading if auto-execution were on."""
    for text in bpy.data.texts:
        if text.use_module:
            yield warning("script-module", f'The script "{text.name}" wants to run when the file opens, and does not run here.')


def opengl() -> Iterator[Json]:
    """Engines that draw with OpenGL need a display driver, which may be Mesa's software one."""
    for scene in bpy.data.scenes:
        drawn = not cycles.renders(scene) and scene.render.engine in compat.BUILT_IN_ENGINES
        if drawn or any(item.type in compat.GREASE_PENCIL_TYPES and not item.hide_render for item in scene.objects):
            need = "every donor needs a driver for it (libegl1 on Linux)"
            yield warning("needs-opengl", f'Scene "{scene.name}" is drawn with OpenGL: {need}.')


def scene_scripts() -> Iterator[Json]:
    """Scenes with scripts that donors do not run are not given to them."""
    for scene in bpy.data.scenes:
        reason = untrusted.reason_refused(scene, draws_freestyle=not cycles.renders(scene))
        if reason is not None:
            yield warning("own-scripts", f'Scene "{scene.name}" {reason}, which donors do not run: this machine renders it alone.')


CHECKS = (engines, drivers, startup_scripts, opengl, scene_scripts)


def warning(code: str, message: str) -> Json:
    """A reason as the bridge knows it."""
    return {"code": code, "message": message[:2000]}
