# SPDX-License-Identifier: GPL-2.0-or-later
"""Work that may wait, done on threads of its own; what came of it is told on the main thread, in its turn. Nothing here knows Blender."""

import queue
import threading

from .bridge_process import BridgeFailed, BridgeMissing
from .conversation import Interrupted, RunFailed
from .link import Ended


class Errands:
    """`begin` and `turn` are for the main thread."""

    def __init__(self):
        # Told what an errand is about to do.
        self.on_stats = lambda text: None
        self._outcomes = queue.SimpleQueue()
        self._under_way = set()

    @property
    def is_busy(self):
        """Something is under way, or not told yet."""
        return bool(self._under_way)

    def begin(self, work, done, failed):
        """`work` gets the owner of its conversation; `done` its outcome, `failed` a sentence."""
        errand = Errand(self._outcomes)
        self._under_way.add(errand)
        threading.Thread(target=errand.run, args=(work, done, failed), name="p2p-render-errand", daemon=True).start()

    def turn(self):
        """Tells what has come of errands."""
        while not self._outcomes.empty():
            errand, tell, value = self._outcomes.get_nowait()
            if errand.is_over and errand not in self._under_way:
                continue  # it was given up
            if tell is None:
                self.on_stats(value)
                continue
            self._under_way.discard(errand)
            tell(value)

    def close(self):
        """Gives all of them up; none is waited for."""
        for errand in self._under_way:
            errand.is_over = True
        self._under_way.clear()


class Errand:
    """The owner of an errand's conversation."""

    def __init__(self, outcomes):
        self.is_over = False
        self._outcomes = outcomes

    def is_stopped(self):
        return self.is_over

    def stats(self, text):
        self._outcomes.put((self, None, text))

    def heard(self, message):
        if isinstance(message, Ended):
            raise RunFailed(message.message)

    def run(self, work, done, failed):
        """On its thread."""
        try:
            self._outcomes.put((self, done, work(self)))
        except Interrupted:
            pass  # nobody waits for it
        except (RunFailed, BridgeMissing, BridgeFailed, OSError) as error:
            self._outcomes.put((self, failed, str(error)))


errands = Errands()
