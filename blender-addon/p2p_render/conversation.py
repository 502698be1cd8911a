# SPDX-License-Identifier: GPL-2.0-or-later
"""A link for threads that may wait: it is connected, asks and waits for the answers, sends and fetches files.

Whose conversation it is hands in an `owner` with `is_stopped()`, `stats(text)` and `heard(message)`, which gets
all that was not asked for. Nothing here knows Blender.
"""

import hashlib
import time
from pathlib import Path

from . import messages as said
from .arrivals import name_of
from .bridge_process import StartedBridge, find_running
from .link import Ended, Link
from .link_files import PART_BYTES, Fetched
from .whereabouts import is_apart

POLL_SECONDS = 0.1
START_SECONDS = 60
REPLY_SECONDS = 60
# A file that is not there any more; who asked for it came too late.
GONE = "FILE_GONE"


class RunFailed(Exception):
    """It cannot go on; the message is for the artist."""


class Interrupted(Exception):
    """The artist has stopped it."""


class Conversation:
    """`connect` first, `close` last."""

    def __init__(self, place, owner):
        # Files do not go by path: the bridge has another disk.
        self.is_apart = False
        self._place = place
        self._owner = owner
        self._link = None

    @property
    def is_open(self):
        """There is somebody to talk to."""
        return self._link is not None

    def connect(self):
        """To the bridge that runs, or to one that is started. Raises RunFailed, Interrupted, BridgeMissing, BridgeFailed."""
        endpoint = find_running(self._place)
        if endpoint is not None and self._try(endpoint):
            return
        started, deadline = StartedBridge(self._place), time.monotonic() + START_SECONDS
        self._owner.stats("The bridge is started")
        while time.monotonic() < deadline:
            self._check_stopped()
            endpoint = started.endpoint()
            if endpoint is not None and self._try(endpoint):
                return
            time.sleep(POLL_SECONDS)
        raise RunFailed("The bridge was started and does not answer: look at Check in the add-on's preferences.")

    def _try(self, endpoint):
        """True when the bridge says welcome. Raises RunFailed when it says no."""
        link = Link(endpoint)
        link.start()
        first = link.wait(REPLY_SECONDS)
        if isinstance(first, said.Welcome):
            self._link, self.is_apart = link, is_apart(first, endpoint)
            return True
        refusal = first if isinstance(first, Ended) else link.wait(REPLY_SECONDS)
        link.close()
        if isinstance(refusal, Ended) and refusal.code != "LINK_LOST":
            raise RunFailed(refusal.message)
        return False

    def ask(self, method, params, seconds=REPLY_SECONDS):
        """Asks and waits for the answer. Raises RunFailed, Interrupted."""
        answer = self._answer(self._link.request(method, params), seconds)
        if isinstance(answer, said.Failure):
            raise RunFailed(message_of(answer.error))
        return said.parse_result(method, answer.result)

    def tell(self, method, params):
        """Asks, and does not wait."""
        return self._link.request(method, params)

    def last_word(self, method, params):
        """Waits a moment until the bridge has heard it; nothing else is heard any more."""
        number, deadline = self._link.request(method, params), time.monotonic() + 3
        while time.monotonic() < deadline:
            message = self._link.wait(POLL_SECONDS)
            if isinstance(message, Ended) or (isinstance(message, said.Reply | said.Failure) and message.id == number):
                return

    def turn(self):
        """Waits a moment for what the bridge says next. Raises Interrupted."""
        self._check_stopped()
        message = self._link.wait(POLL_SECONDS)
        if message is not None:
            self._owner.heard(message)

    def send(self, path):
        """Sends a scene; where it lies then, on the bridge's computer. Raises RunFailed, Interrupted."""
        size, digest = self._looked_at(path)
        upload = self.ask("files.put", {"name": plain_name(path), "bytes": size, "sha256": digest}).upload
        number = self._link.send_file(upload, path)
        answer = self._answer(number, None, lambda: self._owner.stats(f"The scene is sent, {100 * self._link.sent_bytes // size} %"))
        if isinstance(answer, said.Failure):
            raise RunFailed(message_of(answer.error))
        return said.parse_result("files.done", answer.result).scene_path

    def fetch(self, job, path, to):
        """Fetches a file that the job has told of; False when it is gone. Raises RunFailed, Interrupted."""
        answer = self._answer(self._link.fetch(job, path, to), None)
        if isinstance(answer, said.Failure) and answer.error.code != GONE:
            raise RunFailed(message_of(answer.error))
        return isinstance(answer, Fetched)

    def close(self):
        """Hangs up."""
        if self._link is not None:
            self._link.close()
            self._link.join(2)

    def _answer(self, number, seconds, meanwhile=lambda: None):
        """Waits for the message with that number; what is said meanwhile is heard. Without `seconds` as long as the link holds."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while deadline is None or time.monotonic() < deadline:
            self._check_stopped()
            message = self._link.wait(POLL_SECONDS)
            if isinstance(message, said.Reply | said.Failure | Fetched) and message.id == number:
                return message
            if message is None:
                meanwhile()
            else:
                self._owner.heard(message)
        raise RunFailed("The bridge does not answer.")

    def _looked_at(self, path):
        """Size and hash of a file, which takes its time when it is large. Raises RunFailed, Interrupted."""
        digest = hashlib.sha256()
        try:
            with Path(path).open("rb") as file:
                while data := file.read(4 * PART_BYTES):
                    digest.update(data)
                    self._check_stopped()
                return file.tell(), digest.hexdigest()
        except OSError as error:
            raise RunFailed(f"{path} cannot be read: {error.strerror}.") from error

    def _check_stopped(self):
        if self._owner.is_stopped():
            raise Interrupted


def plain_name(path):
    """A name that every system can keep; almost always the file's own."""
    kept = "".join("_" if letter in '<>:"/\\|?*' or ord(letter) < 32 else letter for letter in name_of(str(path)))
    stem = kept[: -len(".blend")] if kept.endswith(".blend") else kept
    return stem.encode("utf-8")[:240].decode("utf-8", "ignore") + ".blend"


def message_of(error):
    """An error of the bridge as one sentence or two."""
    return f"{error.message.rstrip('.')}. {error.advice}".strip()
