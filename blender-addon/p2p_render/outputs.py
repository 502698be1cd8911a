# SPDX-License-Identifier: GPL-2.0-or-later
"""The finished files of this Blender's jobs, as files of this computer; those of a bridge with another disk are fetched as they are made."""

import os
import time

from . import far_side, preferences
from .book import book
from .collector import FETCHED, Wanted, collector
from .desk import desk
from .notices import files_are_there, notice

RETRY_SECONDS = 10
# Files that are looked at in one turn: an animation has thousands.
MOST_A_TURN = 500


class Outputs:
    """Turned by the timer, on the main thread."""

    def __init__(self):
        # By job: where each of its files belongs on this computer, None for what is not fetched.
        self._places = {}
        # Outputs that were looked at, all of them, by job.
        self._looked = {}
        # Jobs of which nothing more is to be told.
        self._told = set()
        self._tried_at = 0.0

    def turn(self):
        """Wants what is new; tells when all of a job is here. True when something has changed."""
        changed = collector.turn()
        if not desk.is_ready:
            return changed
        for name, job in list(desk.jobs.items()):
            entry = book.entry(name)
            if entry is not None and entry.folder:
                desk.watch(name, is_news=not job.line.is_ended)  # also a job that ended while this Blender was closed
                self._want(job, entry)
                self._tell(job)
        return changed

    def places(self, name):
        """Where the job's files are on this computer, as far as they were looked at."""
        return self._places.get(name, {})

    def are_looked_at(self, job):
        """All that the job has named so far."""
        return self._looked.get(job.line.job) is job.progress.outputs

    def _want(self, job, entry):
        name, outputs = job.line.job, job.progress.outputs
        if self.are_looked_at(job):
            return
        places = self._places.setdefault(name, {})
        fresh = [path for path in outputs if path not in places]
        for path in fresh[:MOST_A_TURN]:
            places[path] = far_side.place_of(path, job.line.scene_path, entry.folder, entry.folders)
            if places[path] is not None:
                collector.want(Wanted(preferences.place(), name, path, places[path], entry.begun, entry.overwrite))
                self._told.discard(name)
        if len(fresh) <= MOST_A_TURN:
            self._looked[name] = outputs

    def _tell(self, job):
        name = job.line.job
        if name in self._told:
            return
        if not collector.is_settled(name):
            self._try_again(name)
        elif job.line.is_ended and self.are_looked_at(job):
            self._told.add(name)
            if job.line.state == "complete" and FETCHED in collector.outcomes(name).values():
                files_are_there(job, outputs_of(name))

    def _try_again(self, name):
        if time.monotonic() - self._tried_at < RETRY_SECONDS:
            return
        self._tried_at = time.monotonic()
        failures = collector.failures(name)
        if failures:
            notice.say(failures[0], "ERROR")
            for path in collector.retry(name):
                del self._places[name][path]
            self._looked.pop(name, None)

    def clear(self):
        """Nothing is known any more."""
        collector.close()
        self.__init__()


outputs = Outputs()


def folder_of(scene, frame):
    """Where the scene wants its pictures."""
    return os.path.dirname(scene.render.frame_path(frame=frame))


def outputs_of(name):
    """The job's finished files, by their paths on this computer."""
    job, entry = desk.jobs.get(name), book.entry(name)
    if job is None:
        return ()
    if entry is None or not entry.folder:
        return job.progress.outputs
    places = outputs.places(name)
    return tuple(places[path] for path in job.progress.outputs if places.get(path) is not None)


def are_coming(name):
    """Files of the job are not here yet, and may still come."""
    job, entry = desk.jobs.get(name), book.entry(name)
    if job is None or entry is None or not entry.folder:
        return False
    return not outputs.are_looked_at(job) or not collector.is_settled(name)
