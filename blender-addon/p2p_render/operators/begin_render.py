# SPDX-License-Identifier: GPL-2.0-or-later
"""What the two big buttons share: the look before, and the start of a render with our engine."""

import bpy

from .. import engine_switch, preferences, preflight, properties
from ..book import book
from ..desk import desk
from ..notices import notice
from ..scene_facts import facts_of
from ..stage import stage


def worst_finding(context):
    """The first finding that makes a render senseless, or None."""
    choices = properties.choices_of(context.scene, preferences.allowed())
    errors = [finding for finding in preflight.look(facts_of(context), desk.swarm, choices) if finding.level == preflight.ERROR]
    return errors[0] if errors else None


def is_tiled_engine(scene):
    """Cycles' floats can come back into this Blender; other engines make files."""
    return scene.render.engine in {"CYCLES", "P2P_SWARM"}


def start_in_window(order):
    """F12 with our engine. False when Blender does not want to."""
    stage.order = order
    engine_switch.lend()
    if "RUNNING_MODAL" in bpy.ops.render.render("INVOKE_DEFAULT", use_viewport=True):
        return True
    stage.order = None
    engine_switch.put_back()
    return False


def render_here_and_now(order):
    """The same for scripts: returns when the picture is there. Raises RuntimeError."""
    stage.order = order
    engine_switch.lend()
    try:
        bpy.ops.render.render()
    finally:
        stage.order = None
        engine_switch.put_back()


def submit_files(operator, context, wish, frame, kind):
    """Hands a job that makes files to the bridge, starting one where none runs. Returns at once."""
    scene = context.scene.name

    def failed(sentence):
        notice.say(sentence, "ERROR")

    def named(job):
        book.note(job, scene, frame, kind)
        notice.say("The swarm has the job; you can go on working, or close Blender.")

    desk.when_ready(preferences.place(), lambda: desk.submit(wish, named, failed), failed)
    operator.report({"INFO"}, "Handed to the swarm")
