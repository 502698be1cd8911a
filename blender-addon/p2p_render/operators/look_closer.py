# SPDX-License-Identifier: GPL-2.0-or-later
"""The bridge opens a copy of the scene, as a job would, and says what it finds."""

import shutil
from pathlib import Path

import bpy

from .. import far_side, orders, preferences
from ..closer_look import closer_look
from ..desk import desk
from ..errands import errands
from ..notices import notice
from ..scene_copy import save_copy
from ..swarm_run import Order


class P2P_RENDER_OT_look_closer(bpy.types.Operator):
    """Have the bridge open the scene as it is now and say what would go wrong: libraries, caches, simulations, peers"""

    bl_idname = "p2p_render.look_closer"
    bl_label = "Look Closer"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context):
        return desk.is_ready and not closer_look.is_looking

    def execute(self, context):
        scene, path = context.scene.name, save_copy(preferences.place())

        def found(answer):
            remove(path)
            closer_look.found(scene, answer.findings)
            if not answer.findings:
                notice.say("The bridge has nothing to say against this scene")

        def failed(message):
            remove(path)
            closer_look.forget()
            notice.say(message, "ERROR")

        closer_look.begin()
        submission = {"scenePath": path, "scene": scene}
        if desk.is_apart:
            order = Order(preferences.place(), submission, own=orders.own_blender())
            errands.begin(lambda errand: far_side.look(order, errand), found, failed)
        else:
            desk.ask("scene.check", submission, found, failed)
        return {"FINISHED"}


def remove(path):
    """The copy and its folder."""
    shutil.rmtree(Path(path).parent, ignore_errors=True)


register, unregister = bpy.utils.register_classes_factory((P2P_RENDER_OT_look_closer,))
