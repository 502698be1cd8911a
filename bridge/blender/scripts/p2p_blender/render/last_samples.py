# SPDX-License-Identifier: GPL-2.0-or-later
"""At which sample Cycles stopped: with adaptive sampling it ends as soon as all pixels of a render have converged.

Its Debug Sample Count pass is relative to that sample, which stands in no file; Cycles only reports it while it renders.
"""

from __future__ import annotations

import re

import bpy

# "… | Sample 96/4096", also with more behind it.
SAMPLE = re.compile(r"\bSample (\d+)/\d+")
FINISHED = re.compile(r"(?:^|\| )Finished$")


class LastSamples:
    """Listens to the reports of renders. `found`: the last sample of each view of each view layer, in the order of rendering."""

    def __init__(self) -> None:
        self.found: list[int] = []
        self._current = 0

    def listen(self) -> None:
        """From now on; after every opened file again, since that removes handlers."""
        handlers = bpy.app.handlers.render_stats
        if self._hear not in handlers:
            handlers.append(self._hear)

    def clear(self) -> None:
        self.found = []
        self._current = 0

    def _hear(self, report: object, *_: object) -> None:
        text = str(report).strip()
        if found := SAMPLE.search(text):
            self._current = max(self._current, int(found[1]))  # it reports 0 once more at the end
        elif FINISHED.search(text) and self._current > 0:
            self.found.append(self._current)
            self._current = 0
