# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the bridge for threads that may block: it connects, sends requests and waits for replies, uploads and downloads files.

The main thread must never wait, and uses bridge_client.py. Both use one kind of connection (websocket_thread.py).
"""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from .bridge_process import StartedBridge
from .discovery import BridgeSettings, Endpoint, find_running
from .file_names import portable_name
from .file_transfer import PART_BYTES, FileReceived
from .shared_disk import is_remote
from .websocket_thread import BridgeConnection, ConnectionEnded, Received
from .wire import generated, messages
from .wire.derived import error_text

POLL_SECONDS = 0.1
START_SECONDS = 60
REPLY_SECONDS = 60
# How long `request_last` waits for its reply.
LAST_REPLY_SECONDS = 3
# The error code for a file that does not exist any more.
GONE = "FILE_GONE"


class OperationFailed(Exception):
    """It cannot go on; the text is for the user."""


class Interrupted(Exception):
    """The user has stopped it."""


class ClientOwner(Protocol):
    """Who uses a client: can stop it, shows its status, gets the messages that are no replies."""

    def is_stopped(self) -> bool:
        """Whether the user has stopped the operation."""

    def status(self, text: str) -> None:
        """Shows what the client is doing."""

    def received(self, message: Received) -> None:
        """Handles a message that nobody is waiting for."""


class BlockingClient:
    """`connect` first, `close` last."""

    def __init__(self, settings: BridgeSettings, owner: ClientOwner) -> None:
        # Files cannot be exchanged by path: the bridge has another disk.
        self.is_remote = False
        self._settings = settings
        self._owner = owner
        self._open: BridgeConnection | None = None

    @property
    def is_open(self) -> bool:
        """`connect` has succeeded."""
        return self._open is not None

    @property
    def connection(self) -> BridgeConnection:
        """The open connection."""
        if self._open is None:
            raise OperationFailed("There is no connection to the bridge.")
        return self._open

    def connect(self) -> None:
        """To the running bridge, or to one that it starts. Raises OperationFailed, Interrupted, BridgeMissing, BridgeFailed."""
        endpoint = find_running(self._settings)
        if endpoint is not None and self._try(endpoint):
            return
        started, deadline = StartedBridge(self._settings), time.monotonic() + START_SECONDS
        self._owner.status("Starting the bridge")
        while time.monotonic() < deadline:
            self._check_stopped()
            endpoint = started.endpoint()
            if endpoint is not None and self._try(endpoint):
                return
            time.sleep(POLL_SECONDS)
        raise OperationFailed("The bridge was started and does not answer: press Check in the add-on's preferences.")

    def _try(self, endpoint: Endpoint) -> bool:
        """True when the bridge accepts the connection. Raises OperationFailed when it refuses."""
        connection = BridgeConnection(endpoint)
        connection.start()
        first = connection.wait(REPLY_SECONDS)
        if isinstance(first, generated.Welcome):
            self._open, self.is_remote = connection, is_remote(first, endpoint)
            return True
        refusal = first if isinstance(first, ConnectionEnded) else connection.wait(REPLY_SECONDS)
        connection.close()
        if isinstance(refusal, ConnectionEnded) and refusal.code != "CONNECTION_LOST":
            raise OperationFailed(refusal.message)
        return False

    def request(self, method: str, params: messages.Params, seconds: float | None = REPLY_SECONDS) -> Any:
        """Calls a method and waits for the result. Raises OperationFailed, Interrupted."""
        answer = self._wait_for(self.connection.request(method, params), seconds)
        if isinstance(answer, generated.Failure):
            raise OperationFailed(error_text(answer.error))
        return messages.parse_result(method, _result_of(answer))

    def notify(self, method: str, params: messages.Params) -> None:
        """Calls a method and does not wait."""
        self.connection.request(method, params)

    def request_last(self, method: str, params: messages.Params) -> None:
        """Calls a method before `close`: waits a moment for its reply and ignores everything else."""
        number, deadline = self.connection.request(method, params), time.monotonic() + LAST_REPLY_SECONDS
        while time.monotonic() < deadline:
            message = self.connection.wait(POLL_SECONDS)
            is_reply = isinstance(message, generated.Reply | generated.Failure) and message.id == number
            if isinstance(message, ConnectionEnded) or is_reply:
                return

    def receive_next(self) -> None:
        """Waits a moment for the next message and hands it to the owner. Raises Interrupted."""
        self._check_stopped()
        message = self.connection.wait(POLL_SECONDS)
        if message is not None:
            self._owner.received(message)

    def upload(self, path: str) -> str:
        """Sends a scene; returns its path on the bridge's computer. Raises OperationFailed, Interrupted."""
        size, digest = self._size_and_hash(path)
        upload = self.request("files.put", {"name": portable_name(path), "bytes": size, "sha256": digest}).upload
        connection = self.connection
        number = connection.send_file(upload, path)
        answer = self._wait_for(
            number, None, lambda: self._owner.status(f"Uploading the scene, {100 * connection.sent_bytes // size} %")
        )
        if isinstance(answer, generated.Failure):
            raise OperationFailed(error_text(answer.error))
        return messages.parse_result("files.done", _result_of(answer)).scene_path

    def download(self, job: str, path: str, to: str) -> bool:
        """Fetches a file that the job has announced; False when it does not exist any more. Raises OperationFailed, Interrupted."""
        answer = self._wait_for(self.connection.fetch(job, path, to), None)
        if isinstance(answer, generated.Failure) and answer.error.code != GONE:
            raise OperationFailed(error_text(answer.error))
        return isinstance(answer, FileReceived)

    def close(self) -> None:
        """Disconnects."""
        if self._open is not None:
            self._open.close()
            self._open.join(2)

    def _wait_for(
        self, number: int, seconds: float | None, meanwhile: Callable[[], None] = lambda: None
    ) -> generated.Reply | generated.Failure | FileReceived:
        """Waits for the message with that number; all others go to the owner. Without `seconds` as long as the connection lasts."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while deadline is None or time.monotonic() < deadline:
            self._check_stopped()
            message = self.connection.wait(POLL_SECONDS)
            if isinstance(message, generated.Reply | generated.Failure | FileReceived) and message.id == number:
                return message
            if message is None:
                meanwhile()
            else:
                self._owner.received(message)
        raise OperationFailed("The bridge does not answer.")

    def _size_and_hash(self, path: str) -> tuple[int, str]:
        """Takes its time when the file is large. Raises OperationFailed, Interrupted."""
        digest = hashlib.sha256()
        try:
            with Path(path).open("rb") as file:
                while data := file.read(4 * PART_BYTES):
                    digest.update(data)
                    self._check_stopped()
                return file.tell(), digest.hexdigest()
        except OSError as error:
            raise OperationFailed(f"{path} cannot be read: {error.strerror}.") from error

    def _check_stopped(self) -> None:
        if self._owner.is_stopped():
            raise Interrupted


def _result_of(answer: generated.Reply | FileReceived) -> Any:
    return answer.result if isinstance(answer, generated.Reply) else None
