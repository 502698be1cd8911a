# SPDX-License-Identifier: GPL-2.0-or-later
"""Stop, pause, resume, show, remove: what can be done with a job of the list."""

from typing import Any

import bpy

from ... import preferences
from ...bridge.bridge_client import bridge_client
from ...bridge.render_request import RenderRequest
from ...render.job_history import STILL, job_history
from ...render.job_outputs import are_downloading
from ...render.render_handoff import render_handoff
from ..notices import notice
from .job_operator import JobOperator
from .operator_result import OperatorResult
from .start_render import start_in_window


def request_for_job(method: str, job: str) -> None:
    """An error becomes a notice; afterwards the list is refreshed."""
    bridge_client.request(method, {"job": job}, lambda _: bridge_client.refresh_list(), notice.show_error)


class P2P_RENDER_OT_cancel(JobOperator, bpy.types.Operator):
    """Stop the job; a notice says when the swarm has stopped"""

    bl_idname = "p2p_render.cancel"
    bl_label = "Stop"

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        job, run = bridge_client.jobs.get(self.job), render_handoff.run
        if job is not None:
            job.is_stopping = True
        if render_handoff.is_rendering and run is not None and run.job == self.job:
            render_handoff.stop_requested = True  # the engine stops, and then the timer cancels the job
        else:
            bridge_client.request("jobs.cancel", {"job": self.job}, failed=notice.show_error)
        return {"FINISHED"}


class P2P_RENDER_OT_pause(JobOperator, bpy.types.Operator):
    """Start no new chunks until you resume; those that are being rendered are finished"""

    bl_idname = "p2p_render.pause"
    bl_label = "Pause"

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        request_for_job("jobs.pause", self.job)
        return {"FINISHED"}


class P2P_RENDER_OT_resume(JobOperator, bpy.types.Operator):
    """End the pause"""

    bl_idname = "p2p_render.resume"
    bl_label = "Resume"

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        request_for_job("jobs.resume", self.job)
        return {"FINISHED"}


class P2P_RENDER_OT_go_on(JobOperator, bpy.types.Operator):
    """Resume the job where it stopped; nothing that is rendered is rendered again"""

    bl_idname = "p2p_render.go_on"
    bl_label = "Resume"

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        job, entry = self.job, job_history.entry(self.job)
        if entry is None or entry.kind != STILL:
            # The operator itself may be gone by the time the bridge is ready.
            bridge_client.when_ready(preferences.bridge_settings(), lambda: request_for_job("jobs.retry", job), notice.show_error)
            return {"FINISHED"}
        if entry.source != bpy.data.filepath or entry.scene not in bpy.data.scenes:
            file = bpy.path.basename(entry.source) or "its scene"
            self.report({"ERROR"}, f"Open {file} first: the picture belongs there")
            return {"CANCELLED"}
        scene, window = bpy.data.scenes[entry.scene], context.window
        if window is not None:
            window.scene = scene
        scene.frame_set(entry.frame)
        request = RenderRequest(preferences.bridge_settings(), frames=(entry.frame,), job=job)
        return {"FINISHED"} if start_in_window(request) else {"CANCELLED"}


class P2P_RENDER_OT_open_source(JobOperator, bpy.types.Operator):
    """Open the file that this job renders"""

    bl_idname = "p2p_render.open_source"
    bl_label = "Open Its File"

    def execute(self, _context: bpy.types.Context) -> Any:
        entry = job_history.entry(self.job)
        if entry is None or not entry.source:
            return {"CANCELLED"}
        return bpy.ops.wm.open_mainfile("INVOKE_DEFAULT", filepath=entry.source, display_file_selector=False)


class P2P_RENDER_OT_remove(JobOperator, bpy.types.Operator):
    """Remove the job from the list; finished files stay"""

    bl_idname = "p2p_render.remove"
    bl_label = "Remove"

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        if are_downloading(self.job):
            self.report({"ERROR"}, "Its files are still being downloaded to this computer")
            return {"CANCELLED"}
        request_for_job("jobs.release", self.job)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        P2P_RENDER_OT_cancel,
        P2P_RENDER_OT_pause,
        P2P_RENDER_OT_resume,
        P2P_RENDER_OT_go_on,
        P2P_RENDER_OT_open_source,
        P2P_RENDER_OT_remove,
    )
)
