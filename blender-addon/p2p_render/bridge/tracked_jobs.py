# SPDX-License-Identifier: GPL-2.0-or-later
"""The jobs that the main thread knows of, kept up to date from lists, reports and events."""

from collections.abc import Callable
from dataclasses import dataclass

from .job_progress import JobProgress
from .wire import generated
from .wire.derived import is_ended


@dataclass
class TrackedJob:
    """A job as it was last reported."""

    summary: generated.JobSummary
    progress: JobProgress
    # The number of the next event to receive.
    next_seq: int = 0
    is_watched: bool = False
    # The user has pressed Stop, and the swarm has not stopped yet.
    is_stopping: bool = False
    # `on_end` was called for it, or its end is older than this Blender.
    is_end_reported: bool = False

    def update(self, summary: generated.JobSummary) -> None:
        """A job that runs again will have another end to report."""
        self.summary = summary
        self.is_end_reported = self.is_end_reported and is_ended(summary)


class TrackedJobs:
    """`on_end` is called once for each end of a job, whichever message brings it first."""

    def __init__(self, on_end: Callable[[TrackedJob], None]) -> None:
        self.by_name: dict[str, TrackedJob] = {}
        self._on_end = on_end
        # Jobs that this Blender has submitted and that no list has contained yet.
        self._expected: set[str] = set()

    def expect(self, name: str) -> None:
        """The end of this job will be reported, even if it has ended before a list contains it."""
        self._expected.add(name)

    def add(self, summary: generated.JobSummary) -> bool:
        """False when it is known already."""
        if summary.job in self.by_name:
            return False
        self.by_name[summary.job] = TrackedJob(summary, JobProgress())
        return True

    def replace_list(self, summaries: tuple[generated.JobSummary, ...]) -> list[str]:
        """The jobs of the bridge's list, and no others. Returns those that are to be watched."""
        listed = {summary.job for summary in summaries}
        for name in [name for name in self.by_name if name not in listed]:
            del self.by_name[name]
        for summary in summaries:
            if self.add(summary):
                self.by_name[summary.job].is_end_reported = summary.job not in self._expected
            self._expected.discard(summary.job)
            self.by_name[summary.job].update(summary)
        return [summary.job for summary in summaries if not self.by_name[summary.job].is_end_reported]

    def apply_report(self, name: str, report: generated.JobReport) -> bool:
        """False for a job that is not known."""
        job = self.by_name.get(name)
        if job is None:
            return False
        job.update(report.summary)
        job.progress.outputs = report.outputs
        if report.first >= report.next:  # otherwise events follow, and the last of them is its end
            self._report_end(job)
        return True

    def apply_event(self, message: generated.JobEvent) -> bool:
        """False for a job that is not known."""
        job = self.by_name.get(message.job)
        if job is None:
            return False
        job.next_seq = message.seq + 1
        job.progress.apply(message.event)
        if isinstance(message.event, generated.JobSummaryEvent):
            job.update(message.event.summary)
            self._report_end(job)
        return True

    def connection_lost(self) -> None:
        """Nothing is watched any more; what is known stays in sight."""
        for job in self.by_name.values():
            job.is_watched = False

    def restart_events(self) -> None:
        """Another process of the bridge numbers its events from the beginning."""
        for job in self.by_name.values():
            job.next_seq, job.progress = 0, JobProgress()

    def _report_end(self, job: TrackedJob) -> None:
        if is_ended(job.summary) and not job.is_end_reported:
            job.is_stopping, job.is_end_reported = False, True
            self._on_end(job)
