# SPDX-License-Identifier: GPL-2.0-or-later
"""Swaps our engine into the scene for one render. The former engine is saved in the scene, so that it is restored in any case."""

import bpy
from bpy.app.handlers import persistent

from .. import constants
from ..properties import settings_of
from ..scene.render_engine import set_engine


def swap_in() -> None:
    """In all Cycles scenes: strips and the compositor may render other scenes than the current one."""
    for scene in bpy.data.scenes:
        if scene.render.engine == "CYCLES" and not scene.library:
            settings_of(scene).engine_before = scene.render.engine
            set_engine(scene, constants.ENGINE_ID)


def swapped_scenes() -> list[bpy.types.Scene]:
    """The scenes whose former engine is to be restored."""
    return [scene for scene in bpy.data.scenes if settings_of(scene).engine_before]


def restore() -> bool:
    """True when there was something to restore."""
    swapped = swapped_scenes()
    for scene in swapped:
        if scene.render.engine == constants.ENGINE_ID:
            set_engine(scene, settings_of(scene).engine_before)
        settings_of(scene).engine_before = ""
    return bool(swapped)


@persistent
def restore_on_load(*_: object) -> None:
    """A file that was saved during a render, for example by auto-save."""
    restore()


_swapped_before_save: list[bpy.types.Scene] = []


@persistent
def before_save(*_: object) -> None:
    """A file that the artist saves during a render has the artist's engine."""
    _swapped_before_save[:] = swapped_scenes()
    for scene in _swapped_before_save:
        set_engine(scene, settings_of(scene).engine_before)
        settings_of(scene).engine_before = ""


@persistent
def after_save(*_: object) -> None:
    """The render goes on with our engine."""
    for scene in _swapped_before_save:
        settings_of(scene).engine_before = scene.render.engine
        set_engine(scene, constants.ENGINE_ID)
    _swapped_before_save.clear()


HANDLERS = (("load_post", restore_on_load), ("save_pre", before_save), ("save_post", after_save))


def register() -> None:
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    restore()
    for name, handler in reversed(HANDLERS):
        getattr(bpy.app.handlers, name).remove(handler)
