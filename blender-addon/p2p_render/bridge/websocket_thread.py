# SPDX-License-Identifier: GPL-2.0-or-later
"""The connection to the bridge. Its socket lives on a thread of its own, which puts what it receives into a queue, as frozen values."""

import asyncio
import itertools
import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import websockets
from websockets.asyncio.client import ClientConnection, connect

from .. import constants
from .discovery import Endpoint
from .file_transfer import HEAD, PART_BYTES, FileReceived, IncomingFile, OutgoingFile, encode_part, local_failure
from .wire import generated, messages
from .wire.derived import error_text

OPEN_SECONDS = 5
# The pong waits behind data that is being sent: a slow line must not look like a dead one.
PONG_SECONDS = 60
# Messages can be long: the status of a swarm with many peers.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class ConnectionEnded:
    """The last message of every connection: it is over, and why. `code` is the bridge's, or one of CONNECTION_*."""

    code: str
    message: str


Received = messages.BridgeMessage | FileReceived | ConnectionEnded


class BridgeConnection:
    """One connection: `start`, then `request` and `drain` (or `wait`), then `close`. The caller matches replies by their number."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._numbers = itertools.count(1)
        self._inbox: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._outbox: asyncio.Queue[str | OutgoingFile | None] = asyncio.Queue()
        # Files that were requested: the local path by the number of the request.
        self._requested: dict[int, str] = {}
        # Files that are being received, by the number of the transfer.
        self._incoming: dict[int, IncomingFile] = {}
        self._sending: set[asyncio.Task[None]] = set()
        # Progress of the current upload.
        self.sent_bytes = 0
        self._thread = threading.Thread(target=self._run, name="p2p-render-connection", daemon=True)

    def start(self) -> None:
        """Starts to connect; the first message is a Welcome or ConnectionEnded."""
        self._thread.start()

    def request(self, method: str, params: messages.Params) -> int:
        """Calls a method without waiting; the reply carries the number that is returned."""
        number = next(self._numbers)
        self._post(messages.request(number, method, params))
        return number

    def fetch(self, job: str, path: str, to: str) -> int:
        """Requests a file that the job has announced; FileReceived, or a Failure, carries the number that is returned."""
        number = next(self._numbers)
        self._requested[number] = to
        self._post(messages.request(number, "files.get", {"job": job, "path": path}))
        return number

    def send_file(self, upload: int, path: str) -> int:
        """Sends a file as an upload that was begun; the reply with the number that is returned says where it was stored."""
        number = next(self._numbers)
        self._post(OutgoingFile(number, upload, path))
        return number

    def drain(self) -> list[Received]:
        """Everything received since the last call; never waits."""
        received = []
        while True:
            try:
                received.append(self._inbox.get_nowait())
            except queue.Empty:
                return received

    def wait(self, seconds: float) -> Received | None:
        """The next message, or None; only for threads that may block."""
        try:
            return self._inbox.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Disconnects."""
        self._post(None)

    def join(self, seconds: float) -> bool:
        """After `close`: waits for the thread. True when it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _post(self, item: str | OutgoingFile | None) -> None:
        with suppress(RuntimeError):  # the connection has ended, and has reported that
            self._loop.call_soon_threadsafe(self._outbox.put_nowait, item)

    def _run(self) -> None:
        try:
            ended = self._loop.run_until_complete(self._run_connection())
        except websockets.InvalidStatus as error:
            ended = ConnectionEnded("CONNECTION_REFUSED", _refused_by_http(error.response.status_code))
        except messages.BadMessage as error:
            text = f"The bridge and this add-on do not understand each other: {error}. Update the older of the two."
            ended = ConnectionEnded("CONNECTION_PROTOCOL_ERROR", text)
        except (OSError, TimeoutError, websockets.WebSocketException):
            ended = ConnectionEnded("CONNECTION_LOST", "The bridge does not answer.")
        finally:
            self._loop.close()
            for file in self._incoming.values():
                file.discard()
        self._inbox.put(ended)

    async def _run_connection(self) -> ConnectionEnded:
        async with connect(
            self._endpoint.url,
            open_timeout=OPEN_SECONDS,
            ping_timeout=PONG_SECONDS,
            close_timeout=1,
            max_size=MAX_MESSAGE_BYTES,
            proxy=None,
            compression=None,
        ) as socket:
            await socket.send(messages.hello(self._endpoint.token))
            receiving = asyncio.ensure_future(self._receive(socket))
            sending = asyncio.ensure_future(self._send(socket))
            await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
            closed_by_us = sending.result() if sending.done() else None
            for task in (receiving if closed_by_us else sending, *self._sending):
                task.cancel()
            await asyncio.gather(receiving, sending, *self._sending, return_exceptions=True)
            return closed_by_us or receiving.result()

    async def _receive(self, socket: ClientConnection) -> ConnectionEnded:
        """Until the bridge disconnects."""
        refusal = None
        try:
            async for frame in socket:
                if isinstance(frame, bytes):
                    self._receive_part(frame)
                    continue
                message = messages.parse(frame)
                refusal = message if isinstance(message, generated.Refused) else refusal
                if not self._begins_file(message):
                    self._inbox.put(message)
        except websockets.ConnectionClosed:
            pass
        return _ended_by(refusal)

    async def _send(self, socket: ClientConnection) -> ConnectionEnded | None:
        """Until we disconnect; None when the bridge does, which `_receive` notices and explains."""
        try:
            while (item := await self._outbox.get()) is not None:
                if isinstance(item, OutgoingFile):
                    task = asyncio.ensure_future(self._send_file(socket, item))
                    self._sending.add(task)
                    task.add_done_callback(self._sending.discard)
                else:
                    await socket.send(item)
        except websockets.ConnectionClosed:
            return None
        return ConnectionEnded("CONNECTION_CLOSED", "This Blender has disconnected.")

    def _begins_file(self, message: messages.BridgeMessage) -> bool:
        """Whether a message is the reply to the request of a file; its parts follow."""
        if not isinstance(message, generated.Reply | generated.Failure) or message.id not in self._requested:
            return False
        path = self._requested.pop(message.id)
        if isinstance(message, generated.Failure):
            return False
        download = messages.parse_result("files.get", message.result)
        self._incoming[download.download] = IncomingFile(message.id, path, download.bytes)
        self._finish_if_complete(download.download)
        return True

    def _receive_part(self, frame: bytes) -> None:
        number, data = HEAD.unpack_from(frame)[0], frame[HEAD.size :]
        if number not in self._incoming:
            raise messages.BadMessage("the bridge sent a part of a file that was not requested")
        self._incoming[number].write(data)
        self._finish_if_complete(number)

    def _finish_if_complete(self, number: int) -> None:
        if self._incoming[number].is_complete:
            self._inbox.put(self._incoming.pop(number).finish())

    async def _send_file(self, socket: ClientConnection, outgoing: OutgoingFile) -> None:
        """Part by part, at the speed of the line; other messages are sent between them."""
        self.sent_bytes = 0
        try:
            with Path(outgoing.path).open("rb") as file:
                while data := file.read(PART_BYTES):
                    await socket.send(encode_part(outgoing.upload, data))
                    self.sent_bytes += len(data)
            await socket.send(messages.request(outgoing.id, "files.done", {"upload": outgoing.upload}))
        except OSError as error:
            self._inbox.put(local_failure(outgoing.id, "FILE_GONE", f"{outgoing.path} cannot be read: {error.strerror}."))
        except websockets.ConnectionClosed:
            pass  # `_receive` reports it


def _refused_by_http(status: int) -> str:
    """The bridge has refused the handshake."""
    advice = " A tunnel must have the bridge's own port number at both ends." if status == 403 else ""
    return f"The bridge refused the connection (HTTP {status}).{advice}"


def _ended_by(refusal: generated.Refused | None) -> ConnectionEnded:
    """Why the bridge has ended the connection."""
    if refusal is None:
        return ConnectionEnded("CONNECTION_LOST", "The bridge has disconnected.")
    error = refusal.error
    if refusal.protocol == constants.PROTOCOL:
        return ConnectionEnded(error.code, error_text(error))
    older = "add-on" if refusal.protocol > constants.PROTOCOL else "bridge"
    versions = f"The bridge uses protocol version {refusal.protocol} and this add-on {constants.PROTOCOL}"
    return ConnectionEnded(error.code, f"{versions}: update the {older}.")
