# SPDX-License-Identifier: GPL-2.0-or-later
"""Remembers which scene and frame a job is of, across restarts of Blender: the bridge knows jobs by their file only."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

MOST_ENTRIES = 200


@dataclass(frozen=True)
class Entry:
    """`kind` is STILL (its floats belong into this Blender) or FILES. `begun`: seconds since 1970."""

    source: str
    scene: str
    frame: int
    kind: str
    # Where files of a bridge with another disk belong; empty for one that writes them there itself.
    folder: str = ""
    # Where those of its File Output nodes belong.
    folders: tuple[str, ...] = ()
    begun: float = 0.0
    overwrite: bool = True


class JobBook:
    """A small JSON file; when it cannot be read or written, nothing is remembered and nothing fails."""

    def __init__(self, path):
        self._path = Path(path)
        self._entries = self._read()

    def note(self, job, entry):
        """Remembers a job."""
        self._entries[job] = entry
        for old in list(self._entries)[:-MOST_ENTRIES]:
            del self._entries[old]
        self._write()

    def entry(self, job):
        """What is known of a job, or None."""
        return self._entries.get(job)

    def _read(self):
        try:
            kept = json.loads(self._path.read_text("utf-8"))
            return {job: Entry(**{**fields, "folders": tuple(fields.get("folders", ()))}) for job, fields in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self):
        beside = self._path.with_suffix(f".{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps({job: asdict(entry) for job, entry in self._entries.items()}), "utf-8")
            os.replace(beside, self._path)
        except OSError:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
