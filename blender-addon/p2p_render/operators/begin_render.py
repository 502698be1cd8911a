# SPDX-License-Identifier: GPL-2.0-or-later
"""What the two big buttons share: the look before, and the start of a render with our engine."""

import time

import bpy

from .. import engine_switch, preferences, preflight, properties
from ..book import FILES, book
from ..desk import desk
from ..notices import notice
from ..scene_facts import facts_of
from ..stage import stage

TURN_SECONDS = 0.05


def refusal_of(context, makes_files):
    """Why it makes no sense to begin, or None."""
    choices = properties.choices_of(context.scene, preferences.allowed())
    errors = [finding for finding in preflight.look(facts_of(context), desk.swarm, choices) if finding.level == preflight.ERROR]
    if errors:
        return errors[0].sentence
    if makes_files and not bpy.data.filepath and context.scene.render.filepath.startswith("//"):
        return "Save the scene first: its output path is relative to it."
    return None


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


def submit_files(operator, context, wish, frame):
    """Hands a job that makes files to the bridge, starting one where none runs. Returns at once."""
    scene = context.scene.name

    def failed(sentence):
        notice.say(sentence, "ERROR")

    def named(job):
        book.note(job, scene, frame, FILES)
        notice.say("The swarm has the job; you can go on working, or close Blender.")

    desk.when_ready(preferences.place(), lambda: desk.submit(wish, named, failed), failed)
    operator.report({"INFO"}, "Handed to the swarm")


def wait_for_files(operator, wish):
    """The same where no timer turns the desk: returns when the files are there."""
    place, names, sentences = preferences.place(), [], []
    desk.when_ready(place, lambda: desk.submit(wish, names.append, sentences.append), sentences.append)
    while not sentences and not (names and names[0] in desk.jobs and desk.jobs[names[0]].line.is_ended):
        desk.turn(place)
        time.sleep(TURN_SECONDS)
    line = None if sentences else desk.jobs[names[0]].line
    if line is not None and line.state == "complete":
        return {"FINISHED"}
    error = line.error.message if line is not None and line.error else "not all frames could be rendered"
    operator.report({"ERROR"}, sentences[0] if sentences else error)
    return {"CANCELLED"}
