# SPDX-License-Identifier: GPL-2.0-or-later
"""Remembers which scene and frame a job renders, across restarts of Blender: the bridge knows jobs by their file only."""

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

MAX_ENTRIES = 200
# Kinds of jobs: finished files, or a still whose raw pixels belong into this Blender.
FILES, STILL = "FILES", "STILL"


@dataclass(frozen=True)
class HistoryEntry:
    """`source` is the path of the .blend file, `kind` STILL or FILES, `begun` in seconds since 1970."""

    source: str
    scene: str
    frame: int
    kind: str
    # Where the files of a remote bridge are downloaded to; empty when the bridge writes them there itself.
    folder: str = ""
    # The same for the scene's File Output nodes.
    folders: tuple[str, ...] = ()
    begun: float = 0.0
    overwrite: bool = True


class JobHistory:
    """A small JSON file; when it cannot be read or written, nothing is remembered and nothing fails."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._entries: dict[str, HistoryEntry] = {}

    def open(self, path: Path) -> None:
        """Reads what earlier Blenders have saved."""
        self._path = path
        self._entries = _read(path)

    def entry(self, job: str) -> HistoryEntry | None:
        """What is known of a job."""
        return self._entries.get(job)

    def add(self, job: str, entry: HistoryEntry) -> None:
        """Remembers a job, unless it is known already."""
        if job not in self._entries:
            self._save(job, entry)

    def add_download(self, job: str, entry: HistoryEntry) -> None:
        """Remembers a job whose files are downloaded; local files that are older than this moment do not count as downloaded."""
        self._save(job, replace(entry, begun=time.time()))

    def _save(self, job: str, entry: HistoryEntry) -> None:
        self._entries[job] = entry
        for old in list(self._entries)[:-MAX_ENTRIES]:
            del self._entries[old]
        if self._path is not None:
            _write(self._path, self._entries)


def _read(path: Path) -> dict[str, HistoryEntry]:
    try:
        saved = json.loads(path.read_text("utf-8"))
        return {job: HistoryEntry(**{**fields, "folders": tuple(fields.get("folders", ()))}) for job, fields in saved.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(path: Path, entries: dict[str, HistoryEntry]) -> None:
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({job: asdict(entry) for job, entry in entries.items()}), "utf-8")
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


job_history = JobHistory()
