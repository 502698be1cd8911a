# SPDX-License-Identifier: GPL-2.0-or-later
"""Submits a job that makes files, starting a bridge if none is running."""

import time
from collections.abc import Callable
from dataclasses import replace

import bpy

from ... import preferences
from ...bridge.background_tasks import background_tasks
from ...bridge.bridge_client import bridge_client
from ...bridge.render_request import RenderRequest
from ...bridge.wire.derived import is_ended
from ...bridge.wire.generated import JobSubmission
from ...remote import remote_bridge
from ...remote.output_downloader import output_downloader
from ...render.job_history import FILES, HistoryEntry, job_history
from ...render.job_outputs import are_downloading, folder_of, job_outputs
from ...render.render_requests import local_blender
from ..notices import notice
from .operator_result import OperatorResult

POLL_SECONDS = 0.05


def submit_in_window(operator: bpy.types.Operator, scene: bpy.types.Scene, submission: JobSubmission, frame: int) -> None:
    """Returns at once; notices say how it goes on."""
    entry = HistoryEntry(bpy.data.filepath, scene.name, frame, FILES)

    def named(job: str) -> None:
        job_history.add(job, entry)
        notice.show("The job was submitted; you can go on working, or close Blender.")

    _submit(scene, frame, submission, named, notice.show_error)
    operator.report({"INFO"}, "Submitting the job")


def submit_and_wait(operator: bpy.types.Operator, scene: bpy.types.Scene, submission: JobSubmission, frame: int) -> OperatorResult:
    """Where no timer runs: returns when the files are complete."""
    names: list[str] = []
    errors: list[str] = []

    def is_over() -> bool:
        job = bridge_client.jobs.get(names[0]) if names else None
        if job is None or not is_ended(job.summary):
            return False
        errors.extend(output_downloader.failures(names[0]))
        return not are_downloading(names[0])

    _submit(scene, frame, submission, names.append, errors.append)
    while not errors and not is_over():
        bridge_client.update(preferences.bridge_settings())
        background_tasks.update()
        job_outputs.update()
        time.sleep(POLL_SECONDS)
    if not errors:
        summary = bridge_client.jobs[names[0]].summary
        if summary.state == "complete":
            return {"FINISHED"}
        errors.append(summary.error.message if summary.error else "not all frames could be rendered")
    operator.report({"ERROR"}, errors[0])
    return {"CANCELLED"}


def _submit(
    scene: bpy.types.Scene, frame: int, submission: JobSubmission, named: Callable[[str], object], failed: Callable[[str], object]
) -> None:
    """At once if the bridge shares our disk; for a remote one the copy is packed and uploaded first, in the background."""
    request = RenderRequest(preferences.bridge_settings(), submission, local_blender=local_blender())
    overwrite = scene.render.use_overwrite or scene.render.is_movie_format
    entry = HistoryEntry(bpy.data.filepath, scene.name, frame, FILES, folder_of(scene, frame), overwrite=overwrite)
    template = scene.render.filepath

    def submitted(answer: tuple[str, tuple[str, ...]]) -> None:
        job, folders = answer
        job_history.add_download(job, replace(entry, folders=folders))
        bridge_client.expect_job(job)
        named(job)

    def ready() -> None:
        if bridge_client.is_remote:
            background_tasks.start(lambda task: remote_bridge.submit(request, template, task), submitted, failed)
        else:
            bridge_client.submit(submission, named, failed)

    bridge_client.when_ready(request.settings, ready, failed)
