# SPDX-License-Identifier: GPL-2.0-or-later
"""The render engine "P2P Swarm": F12 whose floats come from the swarm. Its second half is the bridge's own finishing engine."""

import os
import threading

import bpy
from bpy.app.handlers import persistent

from . import names, orders
from .finishing.assembled_engine import FREESTYLE_SCENE, cycles_engine, make_engine_class
from .in_words import count, work_done
from .stage import stage
from .swarm_run import Interrupted, RunFailed, SwarmRun

STOPPED = "You stopped the render: the swarm is being told."


class Screen:
    """What a run shows, in the render window: tiles, progress, a line of text."""

    def __init__(self, engine, layer):
        self._engine = engine
        self._layer = layer

    def is_stopped(self):
        return stage.stop_wanted or self._engine.test_break()

    def stats(self, text):
        self._engine.update_stats("", text)

    def progress(self, progress):
        if progress.chunks_total:
            self._engine.update_progress(progress.chunks_done / progress.chunks_total)
        peers = f" on {count(len(progress.working), 'peer')}" if progress.working else ""
        self.stats(work_done(progress.chunks_done, progress.chunks_total, progress.seconds_left) + peers)

    def tile(self, tile):
        """Shows a tile; its file goes when the frame is whole, and then the whole frame is shown."""
        x, y = tile.rect.x - tile.region.x, tile.rect.y - tile.region.y
        for view in [view.name for view in self._engine.get_result().views]:
            if not os.path.exists(tile.path):
                return
            result = self._engine.begin_result(x, y, tile.rect.width, tile.rect.height, layer=self._layer, view=view)
            try:
                result.load_from_file(tile.path)
            except RuntimeError:
                self._engine.end_result(result, cancel=True)
            else:
                self._engine.end_result(result)


def make_class():
    """The engine's class; Cycles, whose passes and panels it shares, must be there."""
    cycles = cycles_engine()
    assembled = make_engine_class(names.ENGINE_ID, names.ENGINE_LABEL, stage.file_of, [])

    class P2P_RENDER_RE_swarm(assembled):
        """Renders on the swarm what Cycles would render here"""

        bl_use_preview = False
        bl_use_eevee_viewport = True
        bl_use_shading_nodes_custom = False

        def render(self, depsgraph):
            """Waits for the floats of one view layer, showing tiles, and delivers them."""
            if self.session:
                super().render(depsgraph)
                return
            try:
                fetch(self, depsgraph)
            except Interrupted:
                stage.is_interrupted = True
                if not self.test_break():  # the panel's button: Blender itself does not know yet
                    self.report({"ERROR"}, STOPPED)
                return
            except Exception as error:  # noqa: BLE001 - anything but an error report gives a picture that is wrong
                stage.failure = str(error)
                self.report({"ERROR"}, str(error))
                return
            super().render(depsgraph)

        def view_update(self, context, depsgraph):
            """The viewport is Cycles' own."""
            if not self.session:
                cycles.create(self, context.blend_data, context.region, context.space_data, context.region_data)
            cycles.reset(self, context.blend_data, depsgraph)
            cycles.sync(self, depsgraph, context.blend_data)

        def view_draw(self, context, depsgraph):
            """The viewport is Cycles' own."""
            cycles.view_draw(self, depsgraph, context.region, context.space_data, context.region_data)

    return P2P_RENDER_RE_swarm


def fetch(engine, depsgraph):
    """Until the frame's floats are whole. Raises RunFailed, Interrupted."""
    scene, frame = depsgraph.scene, depsgraph.scene.frame_current
    if FREESTYLE_SCENE.match(scene.name) and scene.name not in bpy.data.scenes:
        raise RunFailed("Freestyle lines could not be prepared.")
    screen = Screen(engine, depsgraph.view_layer_eval.name)
    run = _run_for(engine, scene.name, frame, screen)
    run.begin(screen)
    run.picture(scene.name, frame, screen)


def _run_for(engine, scene_name, frame, screen):
    """The run that brings this frame: the one at work, or a new one."""
    if stage.order is not None:
        order, stage.order = stage.order, None
        return _start(order)
    run = stage.run if stage.is_rendering else None
    if run is not None and (run.order.covers(frame) or run.known_path(scene_name, frame)):
        return run

    def make():
        scene = bpy.data.scenes[scene_name]
        return orders.rest_of_animation(scene, frame) if run is not None else orders.for_render(scene, frame, engine.is_animation)

    is_main = threading.current_thread() is threading.main_thread()  # without a window, or called by a script
    order = make() if is_main else stage.on_main_thread(make, screen.is_stopped)
    if order is None:
        raise Interrupted
    if run is not None:
        run.end(is_done=True)
    return _start(order)


def _start(order):
    stage.run = SwarmRun(order)
    stage.is_rendering = True
    return stage.run


@persistent
def render_begins(*_):
    """Forgets the last render."""
    stage.stop_wanted = stage.is_interrupted = False
    stage.failure = None


@persistent
def frame_is_done(scene, *_):
    """All layers of a frame are in Blender: the bridge may drop its floats."""
    if stage.is_rendering and stage.run and stage.run.known_path(scene.name, scene.frame_current):
        stage.run.release(scene.frame_current)


@persistent
def render_is_complete(*_):
    """Also called where an engine has reported an error, was stopped by the panel's button, or Blender is being closed."""
    _over(is_done=not stage.is_interrupted)


@persistent
def render_is_cancelled(*_):
    """ESC, or an error."""
    _over(is_done=False)


def _over(is_done):
    if not stage.is_rendering:
        return
    stage.is_rendering = False
    if stage.failure is not None:
        stage.run.hang_up()  # the job stays, for another try
    elif is_done or bpy.app.background:
        stage.delivered = stage.run.job
        stage.run.end(is_done)
        stage.finished = stage.run
    else:
        # From here a stop looks as when Blender is closed, which must not cost the job. Only while Blender
        # lives on does the main thread get to tell the bridge.
        stage.cancel_wanted = stage.run.job
        stage.run.hang_up()


HANDLERS = (
    ("render_init", render_begins),
    ("render_post", frame_is_done),
    ("render_complete", render_is_complete),
    ("render_cancel", render_is_cancelled),
)
_registered = []


def register():
    cls = make_class()
    bpy.utils.register_class(cls)
    _registered.append(cls)
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister():
    for name, handler in reversed(HANDLERS):
        getattr(bpy.app.handlers, name).remove(handler)
    bpy.utils.unregister_class(_registered.pop())
