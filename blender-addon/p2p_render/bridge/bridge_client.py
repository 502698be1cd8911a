# SPDX-License-Identifier: GPL-2.0-or-later
"""The main thread's client of the bridge: one connection, the swarm and the jobs. A timer calls `update`, which never waits."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from .bridge_process import BridgeFailed, BridgeMissing, StartedBridge
from .discovery import BridgeSettings, Endpoint, find_running
from .shared_disk import is_remote
from .tracked_jobs import TrackedJob, TrackedJobs
from .websocket_thread import BridgeConnection, ConnectionEnded, Received
from .wire import generated, messages
from .wire.derived import error_text

# The budget of one update: a frame of the window takes 16 ms.
UPDATE_SECONDS = 0.008
# How often it looks for a bridge that has been started by others.
DISCOVERY_SECONDS = 2.0
START_SECONDS = 60
LIST_SECONDS = 5.0
# The number of an event that never comes: only future events are sent then.
FROM_NOW = 2**40

# What to do with the result of a request, and with the error's text.
Done = Callable[[Any], object]
Failed = Callable[[str], object]


class BridgeClient:
    """`update(settings)` does the work; `request` calls a method. `changed` says that panels must be redrawn."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self.state = "off"  # off, starting, ready
        self.message = ""
        self.swarm: generated.SwarmStatus | None = None
        self.findings: tuple[generated.DoctorFinding, ...] = ()
        self.changed = False
        self.on_end: Callable[[TrackedJob], object] = lambda job: None
        # Files cannot be exchanged by path: the bridge has another disk.
        self.is_remote = False
        self._tracked = TrackedJobs(self._report_end)
        self._connection: BridgeConnection | None = None
        self._endpoint: Endpoint | None = None
        # It has rejected our token: after several attempts it would reject other clients, too.
        self._rejected: Endpoint | None = None
        self._started: StartedBridge | None = None
        self._start_deadline = 0.0
        self._searched_at = 0.0
        self._listed_at = 0.0
        self._session: str | None = None
        self._received: deque[Received] = deque()
        self._pending: dict[int, tuple[str, Done | None, Failed | None]] = {}
        self._when_ready: list[tuple[Callable[[], object], Failed]] = []
        self._settings: BridgeSettings | None = None

    @property
    def jobs(self) -> dict[str, TrackedJob]:
        """All known jobs by their names."""
        return self._tracked.by_name

    @property
    def is_ready(self) -> bool:
        return self.state == "ready"

    def update(self, settings: BridgeSettings) -> None:
        """Handles what has been received, within UPDATE_SECONDS."""
        if self._connection is not None and self._settings is not None and settings.address != self._settings.address:
            self._connection.close()
        self._settings = settings
        self._connect_if_due(settings)
        if self._connection is None:
            return
        self._received.extend(self._connection.drain())
        deadline = time.perf_counter() + UPDATE_SECONDS
        while self._received:
            self._handle(self._received.popleft())
            if time.perf_counter() > deadline:
                break
        if self.is_ready and time.monotonic() - self._listed_at > LIST_SECONDS:
            self._request_list()

    def when_ready(self, settings: BridgeSettings, work: Callable[[], object], failed: Failed) -> None:
        """Does `work` once connected; starts the bridge if none is running. `failed` gets a message for the user."""
        if self.is_ready:
            work()
            return
        self._settings = settings
        self._when_ready.append((work, failed))
        if self._connection is None and self.state == "off":
            endpoint = find_running(settings)
            if endpoint is not None:
                self._connect(endpoint)
            else:
                self._start(settings)

    def request(self, method: str, params: messages.Params, done: Done | None = None, failed: Failed | None = None) -> None:
        """Calls a method; `done` gets the result, `failed` a message for the user."""
        if self._connection is None:
            if failed:
                failed("The bridge is not running.")
            return
        self._pending[self._connection.request(method, params)] = (method, done, failed)

    def watch(self, name: str, from_now: bool = False) -> None:
        """Receives a job's events, from the last one that is known; or `from_now` on, where only its state is of interest."""
        job = self.jobs.get(name)
        if job is None or job.is_watched or not self.is_ready:
            return
        job.is_watched = True
        first = FROM_NOW if from_now else job.next_seq
        self.request("jobs.watch", {"job": name, "from": first}, lambda report: self._report_received(name, report))

    def refresh_list(self) -> None:
        """Something about the jobs has changed: they are listed at the next update."""
        self._listed_at = 0.0

    def expect_job(self, name: str) -> None:
        """A job of ours that no list has contained yet: its end is reported, however soon it comes."""
        self._tracked.expect(name)
        self.refresh_list()

    def add_job(self, summary: generated.JobSummary) -> None:
        """A job that another connection has submitted: it must be in sight even if the bridge dies now."""
        self.changed = self._tracked.add(summary) or self.changed
        self.refresh_list()

    def submit(self, submission: messages.Params, named: Callable[[str], object], failed: Failed) -> None:
        """A new job; `named` gets its name."""

        def done(answer: generated.SubmittedJob) -> None:
            named(answer.job)
            self.expect_job(answer.job)

        self.request("jobs.submit", submission, done, failed)

    def close(self) -> None:
        """Disconnects; jobs go on."""
        if self._connection is not None:
            self._connection.close()
            self._connection.join(2)
        self._reset()

    def _connect_if_due(self, settings: BridgeSettings) -> None:
        if self._connection is not None:
            return
        if self.state == "starting":
            self._check_started()
            return
        if time.monotonic() - self._searched_at < DISCOVERY_SECONDS:
            return
        self._searched_at = time.monotonic()
        endpoint = find_running(settings)
        if endpoint is not None and endpoint != self._rejected:
            self._connect(endpoint)

    def _connect(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection = BridgeConnection(endpoint)
        self._connection.start()

    def _start(self, settings: BridgeSettings) -> None:
        try:
            self._started = StartedBridge(settings)
        except (BridgeMissing, OSError) as error:
            self._give_up(str(error))
            return
        self._start_deadline = time.monotonic() + START_SECONDS
        self._set_state("starting", "Starting the bridge")

    def _check_started(self) -> None:
        try:
            endpoint = self._started.endpoint() if self._started is not None else None
        except BridgeFailed as error:
            self._give_up(str(error))
            return
        if endpoint is not None:
            self._connect(endpoint)
        elif time.monotonic() > self._start_deadline:
            self._give_up("The bridge was started and does not answer.")

    def _give_up(self, message: str) -> None:
        self._set_state("off", message)
        waiting, self._when_ready = self._when_ready, []
        for _, failed in waiting:
            failed(message)

    def _set_state(self, state: str, message: str) -> None:
        self.changed = self.changed or (state, message) != (self.state, self.message)
        self.state, self.message = state, message

    def _handle(self, message: Received) -> None:
        if isinstance(message, generated.JobEvent):
            self.changed = self._tracked.apply_event(message) or self.changed
        elif isinstance(message, generated.Reply):
            self._reply_received(message)
        elif isinstance(message, generated.Failure):
            _, _, failed = self._pending.pop(message.id, ("", None, None))
            if failed:
                failed(error_text(message.error))
        elif isinstance(message, generated.SwarmChanged):
            self._swarm_received(message.status)
        elif isinstance(message, generated.Welcome):
            self._welcome_received(message)
        elif isinstance(message, ConnectionEnded):
            self._connection_ended(message)

    def _welcome_received(self, welcome: generated.Welcome) -> None:
        if welcome.session != self._session:
            self._tracked.restart_events()
        self._session = welcome.session
        self.is_remote = self._endpoint is not None and is_remote(welcome, self._endpoint)
        self._started = None
        self._set_state("ready", "")
        self.request("swarm.status", {"watch": True}, self._swarm_received)
        self._request_list()
        waiting, self._when_ready = self._when_ready, []
        for work, _ in waiting:
            work()

    def _connection_ended(self, ended: ConnectionEnded) -> None:
        was_ready = self.is_ready
        self._connection, self.swarm, self.findings = None, None, ()
        self._received.clear()
        self._tracked.connection_lost()
        pending, self._pending = self._pending, {}
        for _, _, failed in pending.values():
            if failed:
                failed(ended.message)
        started, self._started = self._started, None
        self._rejected = self._endpoint if ended.code == "TOKEN_WRONG" else None
        is_stale = ended.code == "CONNECTION_LOST" and not was_ready and started is None
        if is_stale and self._when_ready and self._settings is not None:
            self._start(self._settings)  # gateway.json was of a bridge that does not run any more
            return
        # An unsuccessful look at a stale gateway.json is not worth a message.
        self._give_up(self.message if is_stale else ended.message)

    def _swarm_received(self, status: generated.SwarmStatus) -> None:
        self.swarm, self.changed = status, True

    def _request_list(self) -> None:
        self._listed_at = time.monotonic()
        self.request("jobs.list", {}, self._list_received)

    def _list_received(self, answer: generated.JobList) -> None:
        for name in self._tracked.replace_list(answer.jobs):
            self.watch(name)
        self.changed = True

    def _report_end(self, job: TrackedJob) -> None:
        self.on_end(job)

    def _report_received(self, name: str, report: generated.JobReport) -> None:
        self.changed = self._tracked.apply_report(name, report) or self.changed

    def _reply_received(self, reply: generated.Reply) -> None:
        method, done, failed = self._pending.pop(reply.id, ("", None, None))
        try:
            result = messages.parse_result(method, reply.result)
        except messages.BadMessage as error:
            if failed:
                failed(f"The bridge and this add-on do not understand each other: {error}.")
            return
        if done:
            done(result)


bridge_client = BridgeClient()
