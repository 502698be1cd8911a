# SPDX-License-Identifier: GPL-2.0-or-later
"""Downloads finished files from a remote bridge, one after the other, on a thread of its own."""

import queue
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ..bridge.blocking_client import BlockingClient, Interrupted, OperationFailed
from ..bridge.bridge_process import BridgeFailed, BridgeMissing
from ..bridge.discovery import BridgeSettings
from ..bridge.websocket_thread import ConnectionEnded, Received

# How long the connection stays open for the next file.
IDLE_SECONDS = 5
POLL_SECONDS = 0.2
# Final outcomes; any other text is an error message, and the download can be tried again.
SETTLED = PRESENT, DOWNLOADED, GONE = "present", "downloaded", "gone"


@dataclass(frozen=True)
class OutputDownload:
    """A file of a job: its path on the bridge's computer, and on this one."""

    settings: BridgeSettings
    job: str
    remote_path: str
    local_path: str
    # A local file that is not older counts as present: seconds since 1970, by this computer's clock.
    since: float
    # Whether an older file is replaced.
    overwrite: bool

    def is_present(self) -> bool:
        """Downloaded earlier, or kept because the scene forbids overwriting."""
        path = Path(self.local_path)
        return path.is_file() and (not self.overwrite or path.stat().st_mtime >= self.since)


Outcome = tuple[OutputDownload, str]


class OutputDownloader:
    """`enqueue` and `update` are for the main thread."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._queue: queue.SimpleQueue[OutputDownload] = queue.SimpleQueue()
        self._finished: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        # By job and remote path: None while pending, then an outcome or an error message.
        self._outcomes: dict[str, dict[str, str | None]] = {}
        # How many files of a job are not settled.
        self._unsettled: Counter[str] = Counter()
        self._thread: threading.Thread | None = None
        self._is_closing = threading.Event()

    def enqueue(self, download: OutputDownload) -> None:
        """Enqueued twice, it counts once; failed ones are tried again after `retry`."""
        outcomes = self._outcomes.setdefault(download.job, {})
        if download.remote_path in outcomes:
            return
        outcomes[download.remote_path] = None
        self._unsettled[download.job] += 1
        self._queue.put(download)
        if self._thread is None:
            worker = _Worker(self._queue, self._finished, self._is_closing)
            self._thread = threading.Thread(target=worker.run, name="p2p-render-downloads", daemon=True)
            self._thread.start()

    def update(self) -> bool:
        """True when a download has finished or failed."""
        changed = False
        while not self._finished.empty():
            download, outcome = self._finished.get_nowait()
            self._outcomes[download.job][download.remote_path] = outcome
            self._unsettled[download.job] -= outcome in SETTLED
            changed = True
        return changed

    def outcomes(self, job: str) -> dict[str, str | None]:
        """By remote path; None for pending downloads."""
        return self._outcomes.get(job, {})

    def is_settled(self, job: str) -> bool:
        """Nothing is pending or to be tried again."""
        return self._unsettled[job] == 0

    def failures(self, job: str) -> list[str]:
        """Error messages of the files that can be tried again."""
        return [outcome for outcome in self.outcomes(job).values() if outcome is not None and outcome not in SETTLED]

    def retry(self, job: str) -> list[str]:
        """Forgets failed downloads, so that they can be enqueued again. Returns their remote paths."""
        outcomes = self.outcomes(job)
        again = [path for path, outcome in outcomes.items() if outcome is not None and outcome not in SETTLED]
        for path in again:
            del outcomes[path]
            self._unsettled[job] -= 1
        return again

    def close(self) -> None:
        """Cancels what is pending, without waiting."""
        self._is_closing.set()
        self._reset()


class _Worker:
    """The thread's side; it owns the client."""

    def __init__(
        self, pending: "queue.SimpleQueue[OutputDownload]", finished: "queue.SimpleQueue[Outcome]", is_closing: threading.Event
    ) -> None:
        self._pending = pending
        self._finished = finished
        self._is_closing = is_closing
        self._client: BlockingClient | None = None

    def run(self) -> None:
        try:
            while not self._is_closing.is_set():
                try:
                    download = self._pending.get(timeout=POLL_SECONDS if self._client is None else IDLE_SECONDS)
                except queue.Empty:
                    self._disconnect()
                    continue
                self._finished.put((download, self._outcome_of(download)))
        except Interrupted:
            pass
        finally:
            self._disconnect()

    def _outcome_of(self, download: OutputDownload) -> str:
        """An outcome, or an error message: then the next file needs a new connection."""
        try:
            if download.is_present():
                return PRESENT
            if self._client is None:
                self._client = BlockingClient(download.settings, self)
                self._client.connect()
            found = self._client.download(download.job, download.remote_path, download.local_path)
            return DOWNLOADED if found else GONE
        except (OperationFailed, BridgeMissing, BridgeFailed, OSError) as error:
            self._disconnect()
            return str(error)

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    # As the owner of the client:

    def status(self, text: str) -> None:
        """Downloads have no status line."""

    def is_stopped(self) -> bool:
        return self._is_closing.is_set()

    def received(self, message: Received) -> None:
        if isinstance(message, ConnectionEnded):
            raise OperationFailed(message.message)


output_downloader = OutputDownloader()
