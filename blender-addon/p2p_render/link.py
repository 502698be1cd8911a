# SPDX-License-Identifier: GPL-2.0-or-later
"""The connection to the bridge. Its socket lives on a thread of its own; what it hears is put into a queue, as frozen values."""

import asyncio
import itertools
import queue
import threading
from dataclasses import dataclass

import websockets
from websockets.asyncio.client import connect

from . import messages, names

OPEN_SECONDS = 5
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
    sentence: str


class Link:
    """One connection: `start`, then `request` and `drain` (or `wait`), then `close`. Who asks remembers the number of the reply."""

    def __init__(self, endpoint):
        self._endpoint = endpoint
        self._numbers = itertools.count(1)
        self._inbox = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._outbox = asyncio.Queue()
        self._thread = threading.Thread(target=self._run, name="p2p-render-link", daemon=True)

    def start(self):
        """Begins to connect; a Welcome, or Ended, is the first that is heard."""
        self._thread.start()

    def request(self, method, params):
        """Asks something, without waiting; the reply carries the number that is returned."""
        number = next(self._numbers)
        self._post(messages.request(number, method, params))
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
            ended = Ended("LINK_REFUSED", f"The bridge did not let this Blender in (HTTP {error.response.status_code}).")
        except messages.BadMessage as error:
            ended = Ended("LINK_NOT_UNDERSTOOD", f"The bridge speaks differently than this add-on: {error}. Update the older of the two.")
        except (OSError, TimeoutError, websockets.WebSocketException):
            ended = Ended("LINK_LOST", "The bridge does not answer.")
        finally:
            self._loop.close()
        self._inbox.put(ended)

    async def _talk(self):
        settings = {"open_timeout": OPEN_SECONDS, "max_size": MOST_BYTES, "proxy": None, "compression": None, "close_timeout": 1}
        async with connect(self._endpoint.url, **settings) as socket:
            await socket.send(messages.hello(self._endpoint.token))
            listening = asyncio.ensure_future(self._listen(socket))
            telling = asyncio.ensure_future(self._tell(socket))
            await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
            hung_up = telling.result() if telling.done() else None
            (listening if hung_up else telling).cancel()
            await asyncio.gather(listening, telling, return_exceptions=True)
            return hung_up or listening.result()

    async def _listen(self, socket):
        """Until the bridge hangs up."""
        refusal = None
        try:
            async for text in socket:
                message = messages.parse(text)
                refusal = message if isinstance(message, messages.Refused) else refusal
                self._inbox.put(message)
        except websockets.ConnectionClosed:
            pass
        return ended_by(refusal)

    async def _tell(self, socket):
        """Until we hang up; None when the bridge does, which who listens hears too, and why."""
        try:
            while (text := await self._outbox.get()) is not None:
                await socket.send(text)
        except websockets.ConnectionClosed:
            return None
        return Ended("LINK_CLOSED", "This Blender has hung up.")


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
