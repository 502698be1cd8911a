# SPDX-License-Identifier: GPL-2.0-or-later
"""Lends the scene our engine for one render. What it was before is noted in the scene, so that it is put back whatever happens."""

import bpy
from bpy.app.handlers import persistent

from . import names


def lend():
    """All Cycles scenes: strips and the compositor may ask for other scenes than the one that is rendered."""
    for scene in bpy.data.scenes:
        if scene.render.engine == "CYCLES" and not scene.library:
            scene.p2p_render.engine_before = scene.render.engine
            scene.render.engine = names.ENGINE_ID


def put_back():
    """True when something was put back."""
    lent = [scene for scene in bpy.data.scenes if scene.p2p_render.engine_before]
    for scene in lent:
        if scene.render.engine == names.ENGINE_ID:
            scene.render.engine = scene.p2p_render.engine_before
        scene.p2p_render.engine_before = ""
    return bool(lent)


@persistent
def put_back_on_load(*_):
    """A file that was saved on its own while the engine was lent."""
    put_back()


_lent_for_saving = []


@persistent
def before_save(*_):
    """The file that the artist saves meanwhile has the artist's engine."""
    _lent_for_saving[:] = [scene for scene in bpy.data.scenes if scene.p2p_render.engine_before]
    for scene in _lent_for_saving:
        scene.render.engine = scene.p2p_render.engine_before
        scene.p2p_render.engine_before = ""


@persistent
def after_save(*_):
    """The render goes on as before."""
    for scene in _lent_for_saving:
        scene.p2p_render.engine_before = scene.render.engine
        scene.render.engine = names.ENGINE_ID
    _lent_for_saving.clear()


HANDLERS = (("load_post", put_back_on_load), ("save_pre", before_save), ("save_post", after_save))


def register():
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister():
    put_back()
    for name, handler in reversed(HANDLERS):
        getattr(bpy.app.handlers, name).remove(handler)
