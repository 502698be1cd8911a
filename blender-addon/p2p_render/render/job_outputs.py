# SPDX-License-Identifier: GPL-2.0-or-later
"""The finished files of this Blender's jobs, as local paths; those of a remote bridge are downloaded as they are made."""

import time
from collections.abc import Callable
from pathlib import Path

import bpy

from .. import preferences
from ..bridge.bridge_client import bridge_client
from ..bridge.tracked_jobs import TrackedJob
from ..bridge.wire.derived import is_ended
from ..remote import remote_bridge
from ..remote.output_downloader import DOWNLOADED, OutputDownload, output_downloader
from .job_history import HistoryEntry, job_history

RETRY_SECONDS = 10
# Files per update: an animation has thousands.
MAX_PER_UPDATE = 500


class JobOutputs:
    """Updated by the timer, on the main thread."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        # Called once when all files of a complete job have been downloaded, with their local paths.
        self.on_downloaded: Callable[[TrackedJob, tuple[str, ...]], object] = lambda job, outputs: None
        self.on_failure: Callable[[str], object] = lambda message: None
        # By job and remote path: the local path, None for a file that is not downloaded.
        self._local_paths: dict[str, dict[str, str | None]] = {}
        # By job: the outputs whose downloads are all enqueued.
        self._enqueued: dict[str, tuple[str, ...]] = {}
        # Jobs that need no further notice.
        self._reported: set[str] = set()
        self._retried_at = 0.0

    def update(self) -> bool:
        """Enqueues what is new and reports complete jobs. True when something has changed."""
        changed = output_downloader.update()
        if not bridge_client.is_ready:
            return changed
        for name, job in list(bridge_client.jobs.items()):
            entry = job_history.entry(name)
            if entry is not None and entry.folder:
                bridge_client.watch(name, from_now=is_ended(job.summary))  # also a job that ended while this Blender was closed
                self._enqueue(job, entry)
                self._report(job)
        return changed

    def local_paths(self, name: str) -> dict[str, str | None]:
        """By remote path, of the files that were enqueued so far."""
        return self._local_paths.get(name, {})

    def are_all_enqueued(self, job: TrackedJob) -> bool:
        """All files that the job has announced so far."""
        return self._enqueued.get(job.summary.job) is job.progress.outputs

    def _enqueue(self, job: TrackedJob, entry: HistoryEntry) -> None:
        name, outputs = job.summary.job, job.progress.outputs
        if self.are_all_enqueued(job):
            return
        local_paths = self._local_paths.setdefault(name, {})
        new = [path for path in outputs if path not in local_paths]
        for path in new[:MAX_PER_UPDATE]:
            local_path = remote_bridge.local_path_of(path, job.summary.scene_path, entry.folder, entry.folders)
            local_paths[path] = local_path
            if local_path is not None:
                settings = preferences.bridge_settings()
                output_downloader.enqueue(OutputDownload(settings, name, path, local_path, entry.begun, entry.overwrite))
                self._reported.discard(name)
        if len(new) <= MAX_PER_UPDATE:
            self._enqueued[name] = outputs

    def _report(self, job: TrackedJob) -> None:
        name = job.summary.job
        if name in self._reported:
            return
        if not output_downloader.is_settled(name):
            self._retry(name)
        elif is_ended(job.summary) and self.are_all_enqueued(job):
            self._reported.add(name)
            if job.summary.state == "complete" and DOWNLOADED in output_downloader.outcomes(name).values():
                self.on_downloaded(job, outputs_of(name))

    def _retry(self, name: str) -> None:
        if time.monotonic() - self._retried_at < RETRY_SECONDS:
            return
        self._retried_at = time.monotonic()
        failures = output_downloader.failures(name)
        if failures:
            self.on_failure(failures[0])
            for path in output_downloader.retry(name):
                del self._local_paths[name][path]
            self._enqueued.pop(name, None)

    def clear(self) -> None:
        """Cancels downloads and forgets everything."""
        output_downloader.close()
        self._reset()


job_outputs = JobOutputs()


def folder_of(scene: bpy.types.Scene, frame: int) -> str:
    """The scene's output folder."""
    return str(Path(scene.render.frame_path(frame=frame)).parent)


def outputs_of(name: str) -> tuple[str, ...]:
    """The job's finished files, as local paths."""
    job, entry = bridge_client.jobs.get(name), job_history.entry(name)
    if job is None:
        return ()
    if entry is None or not entry.folder:
        return job.progress.outputs
    local_paths = job_outputs.local_paths(name)
    return tuple(path for output in job.progress.outputs if (path := local_paths.get(output)) is not None)


def are_downloading(name: str) -> bool:
    """Files of the job are not here yet, and will be."""
    job, entry = bridge_client.jobs.get(name), job_history.entry(name)
    if job is None or entry is None or not entry.folder:
        return False
    return not job_outputs.are_all_enqueued(job) or not output_downloader.is_settled(name)
