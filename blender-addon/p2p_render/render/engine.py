# SPDX-License-Identifier: GPL-2.0-or-later
"""The render engine "P2P Swarm": F12 whose raw pixels come from the swarm. Its second half is the bridge's own finishing engine."""

import threading
from typing import Any

import bpy
from bpy.app.handlers import persistent

from .. import constants
from ..bridge.render_request import RenderRequest

# build_zip.py copies this module into the package, so there is none in the source tree.
from ..finishing.assembled_engine import FREESTYLE_SCENE, cycles_engine, make_engine_class  # type: ignore[import-not-found]
from . import render_requests
from .engine_display import EngineDisplay
from .render_display import RenderDisplay
from .render_handoff import render_handoff
from .swarm_run import Interrupted, OperationFailed, SwarmRun

STOPPED = "You stopped the render: the swarm is being stopped."


def make_class() -> Any:
    """The engine's class. Cycles must be enabled: the engine shares its passes and panels."""
    cycles = cycles_engine()
    assembled: Any = make_engine_class(constants.ENGINE_ID, constants.ENGINE_LABEL, render_handoff.path_of, [])

    class P2P_RENDER_RE_swarm(assembled):
        """Renders on the swarm what Cycles would render here"""

        bl_use_preview = False
        bl_use_eevee_viewport = True
        bl_use_shading_nodes_custom = False

        def render(self, depsgraph: bpy.types.Depsgraph) -> None:
            """Waits for the raw pixels of one view layer, showing tiles, and delivers them."""
            if self.session:
                super().render(depsgraph)
                return
            try:
                receive_frame(self, depsgraph)
            except Interrupted:
                render_handoff.is_interrupted = True
                if not self.test_break():  # the panel's button: Blender itself does not know yet
                    self.report({"ERROR"}, STOPPED)
                return
            except Exception as error:  # noqa: BLE001 - without an error report Blender would show a wrong picture
                render_handoff.failure = str(error)
                self.report({"ERROR"}, str(error))
                return
            super().render(depsgraph)

        def view_update(self, context: bpy.types.Context, depsgraph: bpy.types.Depsgraph) -> None:
            """The viewport is Cycles' own."""
            if not self.session:
                cycles.create(self, context.blend_data, context.region, context.space_data, context.region_data)
            cycles.reset(self, context.blend_data, depsgraph)
            cycles.sync(self, depsgraph, context.blend_data)

        def view_draw(self, context: bpy.types.Context, depsgraph: bpy.types.Depsgraph) -> None:
            """The viewport is Cycles' own."""
            cycles.view_draw(self, depsgraph, context.region, context.space_data, context.region_data)

    return P2P_RENDER_RE_swarm


def receive_frame(engine: Any, depsgraph: Any) -> None:
    """Until the frame's raw pixels are complete. Raises OperationFailed, Interrupted."""
    scene, frame = depsgraph.scene, depsgraph.scene.frame_current
    if FREESTYLE_SCENE.match(scene.name) and scene.name not in bpy.data.scenes:
        raise OperationFailed("Freestyle lines could not be prepared.")
    display = EngineDisplay(engine, depsgraph.view_layer_eval.name)
    run = _run_for(scene.name, frame, engine.is_animation, display)
    run.begin(display)
    run.picture(scene.name, frame, display)


def _run_for(scene_name: str, frame: int, is_animation: bool, display: RenderDisplay) -> SwarmRun:
    """The run that renders this frame: the current one, or a new one."""
    if render_handoff.request is not None:
        request, render_handoff.request = render_handoff.request, None
        return _start(request)
    run = render_handoff.run if render_handoff.is_rendering else None
    if run is not None and (run.request.covers(frame) or run.known_path(scene_name, frame)):
        return run

    def make() -> RenderRequest:
        scene = bpy.data.scenes[scene_name]
        if run is not None:
            return render_requests.rest_of_animation(scene, frame)
        return render_requests.for_engine(scene, frame, is_animation)

    is_main = threading.current_thread() is threading.main_thread()  # without a window, or called by a script
    made = make() if is_main else render_handoff.on_main_thread(make, display.is_stopped)
    if made is None:
        raise Interrupted
    if run is not None:
        run.end(is_done=True)
    return _start(made)


def _start(request: RenderRequest) -> SwarmRun:
    run = SwarmRun(request)
    render_handoff.run = run
    render_handoff.is_rendering = True
    return run


@persistent
def render_started(*_: object) -> None:
    """Forgets the last render."""
    render_handoff.stop_requested = render_handoff.is_interrupted = False
    render_handoff.failure = None


@persistent
def frame_rendered(scene: bpy.types.Scene, *_: object) -> None:
    """Blender has loaded all layers of a frame: the bridge can delete its files."""
    run = render_handoff.run
    if render_handoff.is_rendering and run is not None and run.known_path(scene.name, scene.frame_current):
        run.release(scene.frame_current)


@persistent
def render_completed(*_: object) -> None:
    """Also called when an engine has reported an error, when the panel's button has stopped it, or when Blender is closed."""
    _render_ended(is_done=not render_handoff.is_interrupted)


@persistent
def render_cancelled(*_: object) -> None:
    """ESC, or an error."""
    _render_ended(is_done=False)


def _render_ended(is_done: bool) -> None:
    run = render_handoff.run
    if not render_handoff.is_rendering or run is None:
        return
    render_handoff.is_rendering = False
    if render_handoff.failure is not None:
        run.disconnect()  # the job stays, for another try
    elif is_done or bpy.app.background:
        render_handoff.delivered = run.job
        run.end(is_done)
        render_handoff.finished = run
    else:
        # A stop cannot be told from the closing of Blender here, which must not cancel the job. The main thread
        # cancels it, and does so only if Blender is not closed.
        render_handoff.job_to_cancel = run.job
        run.disconnect()


HANDLERS = (
    ("render_init", render_started),
    ("render_post", frame_rendered),
    ("render_complete", render_completed),
    ("render_cancel", render_cancelled),
)
_registered: list[Any] = []


def register() -> None:
    cls = make_class()
    bpy.utils.register_class(cls)
    _registered.append(cls)
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    for name, handler in reversed(HANDLERS):
        getattr(bpy.app.handlers, name).remove(handler)
    bpy.utils.unregister_class(_registered.pop())
