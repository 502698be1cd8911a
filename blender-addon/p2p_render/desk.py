# SPDX-License-Identifier: GPL-2.0-or-later
"""The panel's knowledge of the bridge: one connection, its swarm and its jobs. Turned by a timer, on the main thread, never waiting."""

import time
from collections import deque
from dataclasses import dataclass

from . import messages as said
from .bridge_process import BridgeFailed, BridgeMissing, StartedBridge, find_running
from .job_progress import JobProgress
from .link import Ended, Link
from .whereabouts import is_apart

# One turn must not be felt: 16 ms is a frame of the window.
TURN_SECONDS = 0.008
LOOK_SECONDS = 2.0
START_SECONDS = 60
LIST_SECONDS = 5.0
# An event that never comes: only later ones than all that have happened are told then.
FROM_NOW = 2**40


@dataclass
class Job:
    """A job as we know it; `seen` is the next event of it that we have not heard."""

    line: said.JobSummary
    progress: JobProgress
    seen: int = 0
    is_watched: bool = False
    # The button was pressed: the swarm is being stopped.
    stopping: bool = False
    # Its end is no news any more.
    is_told: bool = False

    def take(self, line):
        """How it stands now; one that goes on will have another end."""
        self.line = line
        self.is_told = self.is_told and line.is_ended


class Desk:
    """Turned by `turn(place)`; asks with `ask`. `changed` says whether something to be shown has changed."""

    def __init__(self):
        self.state = "off"  # off, starting, ready
        self.message = ""
        self.swarm = None
        self.findings = ()
        self.jobs = {}
        self.changed = False
        self.on_end = lambda job: None
        # Files do not go by path: the bridge has another disk.
        self.is_apart = False
        self._link = None
        self._endpoint = None
        # It did not take our token: asked again, it would shut its door to others, too.
        self._refused = None
        self._started = None
        self._start_deadline = 0.0
        self._looked_at = 0.0
        self._listed_at = 0.0
        self._session = None
        self._heard = deque()
        self._asked = {}
        self._when_ready = []
        self._awaited = set()
        self._place = None

    @property
    def is_ready(self):
        return self.state == "ready"

    def turn(self, place):
        """One turn: hears what has come, as far as the time goes."""
        if self._link is not None and self._place is not None and place.address != self._place.address:
            self._link.close()
        self._place = place
        self._connect_if_due(place)
        if self._link is None:
            return
        self._heard.extend(self._link.drain())
        deadline = time.perf_counter() + TURN_SECONDS
        while self._heard:
            self._hear(self._heard.popleft())
            if time.perf_counter() > deadline:
                break
        if self.is_ready and time.monotonic() - self._listed_at > LIST_SECONDS:
            self._list()

    def when_ready(self, place, work, failed):
        """Does `work` once connected; starts the bridge where none runs. `failed` gets a sentence."""
        if self.is_ready:
            work()
            return
        self._place = place
        self._when_ready.append((work, failed))
        if self._link is None and self.state == "off":
            endpoint = find_running(place)
            if endpoint is not None:
                self._connect(endpoint)
            else:
                self._start(place)

    def ask(self, method, params, done=None, failed=None):
        """Asks the bridge; `done` gets the answer, `failed` a sentence."""
        if self._link is None:
            if failed:
                failed("There is no bridge at work.")
            return
        self._asked[self._link.request(method, params)] = (method, done, failed)

    def watch(self, name, is_news=True):
        """Follows a job's events, from where we left it; or only how it stands, where what has happened is no news."""
        job = self.jobs.get(name)
        if job is None or job.is_watched or not self.is_ready:
            return
        job.is_watched = True
        start = job.seen if is_news else FROM_NOW
        self.ask("jobs.watch", {"job": name, "from": start}, lambda report: self._reported(name, report))

    def list_soon(self):
        """Something about the jobs has changed."""
        self._listed_at = 0.0

    def await_job(self, name):
        """There is a job of ours that we have not heard of: its end is news, however soon it comes."""
        self._awaited.add(name)
        self.list_soon()

    def adopt(self, line):
        """A job of ours of which another connection has heard: were the bridge to die now, it must be in sight."""
        if line.job not in self.jobs:
            self.jobs[line.job] = Job(line, JobProgress())
            self.changed = True
        self.list_soon()

    def submit(self, submission, named, failed):
        """A new job; `named` gets its name."""
        self.ask("jobs.submit", submission, lambda answer: (named(answer.job), self.await_job(answer.job)), failed)

    def close(self):
        """Hangs up; jobs go on."""
        if self._link is not None:
            self._link.close()
            self._link.join(2)
        self.__init__()

    def _connect_if_due(self, place):
        if self._link is not None:
            return
        if self.state == "starting":
            self._look_after_started()
            return
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        endpoint = find_running(place)
        if endpoint is not None and endpoint != self._refused:
            self._connect(endpoint)

    def _connect(self, endpoint):
        self._endpoint = endpoint
        self._link = Link(endpoint)
        self._link.start()

    def _start(self, place):
        try:
            self._started = StartedBridge(place)
        except (BridgeMissing, OSError) as error:
            self._give_up(str(error))
            return
        self._start_deadline = time.monotonic() + START_SECONDS
        self._say("starting", "The bridge is starting")

    def _look_after_started(self):
        try:
            endpoint = self._started.endpoint()
        except BridgeFailed as error:
            self._give_up(str(error))
            return
        if endpoint is not None:
            self._connect(endpoint)
        elif time.monotonic() > self._start_deadline:
            self._give_up("The bridge was started and does not answer.")

    def _give_up(self, message):
        self._say("off", message)
        waiting, self._when_ready = self._when_ready, []
        for _, failed in waiting:
            failed(message)

    def _say(self, state, message):
        self.changed = self.changed or (state, message) != (self.state, self.message)
        self.state, self.message = state, message

    def _hear(self, message):
        if isinstance(message, said.JobEvent):
            self._event(message)
        elif isinstance(message, said.Reply):
            self._replied(message)
        elif isinstance(message, said.Failure):
            self._failed(message)
        elif isinstance(message, said.SwarmChanged):
            self.swarm, self.changed = message.status, True
        elif isinstance(message, said.Welcome):
            self._welcomed(message)
        elif isinstance(message, Ended):
            self._ended(message)

    def _welcomed(self, welcome):
        if welcome.session != self._session:
            for job in self.jobs.values():
                job.seen, job.progress = 0, JobProgress()
        self._session, self.is_apart = welcome.session, is_apart(welcome, self._endpoint)
        self._started = None
        self._say("ready", "")
        self.ask("swarm.status", {"watch": True}, self._swarm_is)
        self._list()
        waiting, self._when_ready = self._when_ready, []
        for work, _ in waiting:
            work()

    def _ended(self, ended):
        was_ready = self.is_ready
        self._link, self.swarm, self.findings = None, None, ()
        self._heard.clear()
        for job in self.jobs.values():
            job.is_watched = False
        asked, self._asked = self._asked, {}
        for _, _, failed in asked.values():
            if failed:
                failed(ended.message)
        started, self._started = self._started, None
        self._refused = self._endpoint if ended.code == "TOKEN_WRONG" else None
        if ended.code == "LINK_LOST" and not was_ready and started is None and self._when_ready:
            self._start(self._place)  # the note was of a bridge that is gone
            return
        # A look at a note whose bridge is gone is no news.
        is_news = was_ready or started is not None or ended.code != "LINK_LOST"
        self._give_up(ended.message if is_news else self.message)

    def _swarm_is(self, status):
        self.swarm, self.changed = status, True

    def _list(self):
        self._listed_at = time.monotonic()
        self.ask("jobs.list", {}, self._listed)

    def _listed(self, answer):
        known = {line.job for line in answer.jobs}
        for name in [name for name in self.jobs if name not in known]:
            del self.jobs[name]
        for line in answer.jobs:
            is_new, is_ours = line.job not in self.jobs, line.job in self._awaited
            if is_new:
                self.jobs[line.job] = Job(line, JobProgress(), is_told=not is_ours)
            self._awaited.discard(line.job)
            job = self.jobs[line.job]
            job.take(line)
            if not job.is_told:
                self.watch(line.job)
        self.changed = True

    def _reported(self, name, report):
        job = self.jobs.get(name)
        if job is not None:
            job.take(report.line)
            job.progress.outputs = report.outputs
            self.changed = True
            if report.first >= report.next:  # otherwise the events that follow end with its end
                self._tell_end(job)

    def _replied(self, reply):
        method, done, failed = self._asked.pop(reply.id, ("", None, None))
        try:
            result = said.parse_result(method, reply.result)
        except said.BadMessage as error:
            if failed:
                failed(f"The bridge speaks differently than this add-on: {error}.")
            return
        if done:
            done(result)

    def _failed(self, failure):
        _, _, failed = self._asked.pop(failure.id, ("", None, None))
        if failed:
            failed(f"{failure.error.message.rstrip('.')}. {failure.error.advice}".strip())

    def _event(self, message):
        job = self.jobs.get(message.job)
        if job is None:
            return
        job.seen = message.seq + 1
        job.progress.heard(message.event)
        self.changed = True
        if isinstance(message.event, said.JobSummaryChanged):
            self._line(job, message.event.line)

    def _line(self, job, line):
        job.take(line)
        self._tell_end(job)

    def _tell_end(self, job):
        """Once for each end, whichever message brought it first."""
        if job.line.is_ended and not job.is_told:
            job.stopping, job.is_told = False, True
            self.on_end(job)


desk = Desk()
