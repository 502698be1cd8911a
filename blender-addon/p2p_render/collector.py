# SPDX-License-Identifier: GPL-2.0-or-later
"""Fetches finished files from a bridge that has another disk, one after the other, on a thread of its own. Nothing here knows Blender."""

import queue
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .bridge_process import BridgeFailed, BridgeMissing, BridgePlace
from .conversation import Conversation, Interrupted, RunFailed
from .link import Ended

# How long the connection is kept for the next file.
IDLE_SECONDS = 5
POLL_SECONDS = 0.2
SETTLED = HERE, FETCHED, GONE = "here", "fetched", "gone"


@dataclass(frozen=True)
class Wanted:
    """A file of a job, where it lies there, and where it belongs here."""

    place: BridgePlace
    job: str
    there: str
    here: str
    # What lies here already counts when it is not older: seconds since 1970, by this computer's clock.
    since: float
    # Whether an older file makes room.
    overwrite: bool


class Collector:
    """`want` and `turn` are for the main thread."""

    def __init__(self):
        self._wanted = queue.SimpleQueue()
        self._outcomes = queue.SimpleQueue()
        # By job, of each file that was wanted: None while it is on its way, then HERE, FETCHED, GONE, or why not now, in a sentence.
        self._known = {}
        # How many of them are not settled.
        self._open = Counter()
        self._thread = None
        self._is_closing = threading.Event()

    def want(self, wanted):
        """Said again, it counts once; what could not be had is tried again by `retry`."""
        known = self._known.setdefault(wanted.job, {})
        if wanted.there in known:
            return
        known[wanted.there] = None
        self._open[wanted.job] += 1
        self._wanted.put(wanted)
        if self._thread is None:
            self._is_closing.clear()
            self._thread = threading.Thread(target=self._work, args=(self._is_closing,), name="p2p-render-files", daemon=True)
            self._thread.start()

    def turn(self):
        """True when something has come, or could not."""
        changed = False
        while not self._outcomes.empty():
            (job, there), outcome = self._outcomes.get_nowait()
            self._known[job][there] = outcome
            self._open[job] -= outcome in SETTLED
            changed = True
        return changed

    def outcomes(self, job):
        """What came of the files of a job: None for those on their way."""
        return self._known.get(job, {})

    def is_settled(self, job):
        """Nothing of it is on its way, or to be tried again."""
        return self._open[job] == 0

    def failures(self, job):
        """Why files could not be had just now, in sentences."""
        return [outcome for outcome in self.outcomes(job).values() if outcome is not None and outcome not in SETTLED]

    def retry(self, job):
        """What could not be had may be wanted again: their paths on the bridge's computer."""
        known = self.outcomes(job)
        again = [there for there, outcome in known.items() if outcome is not None and outcome not in SETTLED]
        for there in again:
            del known[there]
            self._open[job] -= 1
        return again

    def close(self):
        """Gives up what has not come; nothing is waited for."""
        self._is_closing.set()
        self.__init__()

    # On its thread: the conversation's owner.

    def stats(self, text):
        """Nobody looks."""

    def is_stopped(self):
        return self._is_closing.is_set()

    def heard(self, message):
        if isinstance(message, Ended):
            raise RunFailed(message.message)

    def _work(self, is_closing):
        talk, wanted_of = None, self._wanted
        try:
            while not is_closing.is_set():
                try:
                    wanted = wanted_of.get(timeout=IDLE_SECONDS if talk is not None else POLL_SECONDS)
                except queue.Empty:
                    talk = _closed(talk)
                    continue
                talk = self._have(wanted, talk)
        except Interrupted:
            pass
        finally:
            _closed(talk)

    def _have(self, wanted, talk):
        """The conversation, as long as it may be used again."""
        outcomes = self._outcomes
        try:
            if _is_here(wanted):
                outcomes.put(((wanted.job, wanted.there), HERE))
                return talk
            if talk is None:
                talk = Conversation(wanted.place, self)
                talk.connect()
            came = talk.fetch(wanted.job, wanted.there, wanted.here)
            outcomes.put(((wanted.job, wanted.there), FETCHED if came else GONE))
            return talk
        except (RunFailed, BridgeMissing, BridgeFailed, OSError) as error:
            outcomes.put(((wanted.job, wanted.there), str(error)))
            return _closed(talk)


def _closed(talk):
    if talk is not None:
        talk.close()


def _is_here(wanted):
    """Fetched earlier, or kept because the scene wants nothing overwritten."""
    path = Path(wanted.here)
    return path.is_file() and (not wanted.overwrite or path.stat().st_mtime >= wanted.since)


collector = Collector()
