# SPDX-License-Identifier: GPL-2.0-or-later
"""The connection to the bridge. Its socket lives on a thread of its own; what it hears is put into a queue, as frozen values."""

import asyncio
import itertools
import queue
import threading
from dataclasses import dataclass
from pathlib import Path

import websockets
from websockets.asyncio.client import connect

from . import messages, names
from .link_files import HEAD, PART_BYTES, IncomingFile, Outgoing, failure, part

OPEN_SECONDS = 5
# An answer to our ping waits behind what is sent: a slow line must not look like a dead one.
PONG_SECONDS = 60
# What the bridge says can be long: a swarm of many peers.
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Endpoint:
    """Where a bridge listens, and the word that lets us in."""

    url: str
    token: str


@dataclass(frozen=True)
class Ended:
    """The last thing that a link says: it is over, and why. `code` is the bridge's, or LINK_LOST."""

    code: str
    message: str


class Link:
    """One connection: `start`, then `request` and `drain` (or `wait`), then `close`. Who asks remembers the number of the reply."""

    def __init__(self, endpoint):
        self._endpoint = endpoint
        self._numbers = itertools.count(1)
        self._inbox = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._outbox = asyncio.Queue()
        # What is to become of the reply to a question: a file at this path.
        self._wanted = {}
        # Files that come, by the number of their parts.
        self._incoming = {}
        self._sending = set()
        # Of the file that is sent: bytes that have gone.
        self.sent_bytes = 0
        self._thread = threading.Thread(target=self._run, name="p2p-render-link", daemon=True)

    def start(self):
        """Begins to connect; a Welcome, or Ended, is the first that is heard."""
        self._thread.start()

    def request(self, method, params):
        """Asks something, without waiting; the reply carries the number that is returned."""
        number = next(self._numbers)
        self._post(messages.request(number, method, params))
        return number

    def fetch(self, job, path, to):
        """Asks for a file that the job has told of; Fetched, or a Failure, carries the number that is returned."""
        number = next(self._numbers)
        self._wanted[number] = to
        self._post(messages.request(number, "files.get", {"job": job, "path": path}))
        return number

    def send_file(self, upload, path):
        """Sends a file whose upload was begun; the reply with the number that is returned says where it lies then."""
        number = next(self._numbers)
        self._post(Outgoing(number, upload, path))
        return number

    def drain(self):
        """All that was heard since the last call; never waits."""
        heard = []
        while True:
            try:
                heard.append(self._inbox.get_nowait())
            except queue.Empty:
                return heard

    def wait(self, seconds):
        """The next that is heard, or None; only for threads that may wait."""
        try:
            return self._inbox.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self):
        """Hangs up."""
        self._post(None)

    def join(self, seconds):
        """After `close`: waits for the thread. True when it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _post(self, text):
        try:
            self._loop.call_soon_threadsafe(self._outbox.put_nowait, text)
        except RuntimeError:
            pass  # the link is over, and has said so

    def _run(self):
        try:
            ended = self._loop.run_until_complete(self._talk())
        except websockets.InvalidStatus as error:
            ended = Ended("LINK_REFUSED", refused_by(error.response.status_code))
        except messages.BadMessage as error:
            ended = Ended("LINK_NOT_UNDERSTOOD", f"The bridge speaks differently than this add-on: {error}. Update the older of the two.")
        except (OSError, TimeoutError, websockets.WebSocketException):
            ended = Ended("LINK_LOST", "The bridge does not answer.")
        finally:
            self._loop.close()
            for file in self._incoming.values():
                file.drop()
        self._inbox.put(ended)

    async def _talk(self):
        settings = {"open_timeout": OPEN_SECONDS, "max_size": MOST_BYTES, "proxy": None, "compression": None, "close_timeout": 1}
        async with connect(self._endpoint.url, ping_timeout=PONG_SECONDS, **settings) as socket:
            await socket.send(messages.hello(self._endpoint.token))
            listening = asyncio.ensure_future(self._listen(socket))
            telling = asyncio.ensure_future(self._tell(socket))
            await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
            hung_up = telling.result() if telling.done() else None
            for task in (listening if hung_up else telling, *self._sending):
                task.cancel()
            await asyncio.gather(listening, telling, *self._sending, return_exceptions=True)
            return hung_up or listening.result()

    async def _listen(self, socket):
        """Until the bridge hangs up."""
        refusal = None
        try:
            async for frame in socket:
                if isinstance(frame, bytes):
                    self._take(frame)
                    continue
                message = messages.parse(frame)
                refusal = message if isinstance(message, messages.Refused) else refusal
                if not self._begins_file(message):
                    self._inbox.put(message)
        except websockets.ConnectionClosed:
            pass
        return ended_by(refusal)

    async def _tell(self, socket):
        """Until we hang up; None when the bridge does, which who listens hears too, and why."""
        try:
            while (said := await self._outbox.get()) is not None:
                if isinstance(said, Outgoing):
                    task = asyncio.ensure_future(self._send_file(socket, said))
                    self._sending.add(task)
                    task.add_done_callback(self._sending.discard)
                else:
                    await socket.send(said)
        except websockets.ConnectionClosed:
            return None
        return Ended("LINK_CLOSED", "This Blender has hung up.")

    def _begins_file(self, message):
        """Whether a message says that a file comes, or does not."""
        if not isinstance(message, messages.Reply | messages.Failure) or message.id not in self._wanted:
            return False
        path = self._wanted.pop(message.id)
        if isinstance(message, messages.Failure):
            return False
        coming = messages.parse_result("files.get", message.result)
        self._incoming[coming.download] = IncomingFile(message.id, path, coming.bytes)
        self._settle(coming.download)
        return True

    def _take(self, frame):
        number, data = HEAD.unpack_from(frame)[0], frame[HEAD.size :]
        if number not in self._incoming:
            raise messages.BadMessage("the bridge sent a part of a file that nobody asked for")
        self._incoming[number].take(data)
        self._settle(number)

    def _settle(self, number):
        if self._incoming[number].is_whole:
            self._inbox.put(self._incoming.pop(number).outcome())

    async def _send_file(self, socket, outgoing):
        """Part by part, as the line takes them; other things are said between them."""
        self.sent_bytes = 0
        try:
            with Path(outgoing.path).open("rb") as file:
                while data := file.read(PART_BYTES):
                    await socket.send(part(outgoing.upload, data))
                    self.sent_bytes += len(data)
            await socket.send(messages.request(outgoing.id, "files.done", {"upload": outgoing.upload}))
        except OSError as error:
            self._inbox.put(failure(outgoing.id, "FILE_GONE", f"{outgoing.path} cannot be read: {error.strerror}."))
        except websockets.ConnectionClosed:
            pass  # who listens says so


def refused_by(status):
    """The door was shut before anything was said."""
    mend = " A tunnel must have the bridge's own port number at both ends." if status == 403 else ""
    return f"The bridge did not let this Blender in (HTTP {status}).{mend}"


def ended_by(refusal):
    """What the end of a connection means."""
    if refusal is None:
        return Ended("LINK_LOST", "The bridge has gone.")
    if refusal.protocol != names.PROTOCOL:
        older = "add-on" if refusal.protocol > names.PROTOCOL else "bridge"
        return Ended(
            refusal.error.code, f"The bridge speaks version {refusal.protocol} and this add-on {names.PROTOCOL}: update the {older}."
        )
    return Ended(refusal.error.code, f"{refusal.error.message} {refusal.error.advice}".strip())
