# SPDX-License-Identifier: GPL-2.0-or-later
"""What the two big buttons share: the look before, and the start of a render with our engine."""

import time
from dataclasses import replace

import bpy

from .. import engine_switch, far_side, orders, preferences, preflight, properties
from ..book import FILES, book
from ..collector import collector
from ..desk import desk
from ..errands import errands
from ..job_book import Entry
from ..notices import notice
from ..outputs import are_coming, folder_of, outputs
from ..scene_facts import facts_of
from ..stage import stage
from ..swarm_run import Order

TURN_SECONDS = 0.05


def refusal_of(context, makes_files):
    """Why it makes no sense to begin, or None."""
    choices = properties.choices_of(context.scene, preferences.allowed())
    errors = [finding for finding in preflight.look(facts_of(context), desk.swarm, choices) if finding.level == preflight.ERROR]
    if errors:
        return errors[0].message
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


def submit_files(operator, context, submission, frame):
    """Hands a job that makes files to the bridge, starting one where none runs. Returns at once."""
    scene = context.scene.name

    def failed(message):
        notice.say(message, "ERROR")

    def named(job):
        book.note(job, scene, frame, FILES)
        notice.say("The swarm has the job; you can go on working, or close Blender.")

    hand_over(context.scene, frame, submission, (named, failed))
    operator.report({"INFO"}, "Handed to the swarm")


def hand_over(scene, frame, submission, told):
    """To a bridge on this disk at once; for one on another the copy is packed and sent first, on a thread of its own."""
    named, failed = told
    order = Order(preferences.place(), submission, own=orders.own_blender())
    overwrite = scene.render.use_overwrite or scene.render.is_movie_format
    entry = Entry(bpy.data.filepath, scene.name, frame, FILES, folder_of(scene, frame), overwrite=overwrite)
    template = scene.render.filepath

    def far(answer):
        job, folders = answer
        book.note_files(job, replace(entry, folders=folders))
        desk.await_job(job)
        named(job)

    def ready():
        if desk.is_apart:
            errands.begin(lambda errand: far_side.submit(order, template, errand), far, failed)
        else:
            desk.submit(submission, named, failed)

    desk.when_ready(order.place, ready, failed)


def wait_for_files(operator, context, submission, frame):
    """The same where no timer turns the desk: returns when the files are there."""
    place, names, messages = preferences.place(), [], []

    def is_over():
        job = desk.jobs.get(names[0]) if names else None
        if job is None or not job.line.is_ended:
            return False
        messages.extend(collector.failures(names[0]))
        return not are_coming(names[0])

    hand_over(context.scene, frame, submission, (names.append, messages.append))
    while not messages and not is_over():
        desk.turn(place)
        errands.turn()
        outputs.turn()
        time.sleep(TURN_SECONDS)
    line = None if messages else desk.jobs[names[0]].line
    if line is not None and line.state == "complete":
        return {"FINISHED"}
    error = line.error.message if line is not None and line.error else "not all frames could be rendered"
    operator.report({"ERROR"}, messages[0] if messages else error)
    return {"CANCELLED"}
