# SPDX-License-Identifier: GPL-2.0-or-later
"""The job book of this Blender."""

import time
from dataclasses import replace
from pathlib import Path

import bpy

from .job_book import Entry, JobBook

FILES, STILL = "FILES", "STILL"


class Book:
    """Opened at registration."""

    def __init__(self):
        self._book = None

    def open(self, config_folder):
        """Reads what earlier Blenders have written down."""
        self._book = JobBook(Path(config_folder) / "p2p_render" / "jobs.json")

    def entry(self, job):
        """What is known of a job, or None."""
        return self._book.entry(job) if self._book else None

    def note(self, job, scene, frame, kind):
        """Remembers a job of the open file."""
        if self._book and self._book.entry(job) is None:
            self._book.note(job, Entry(bpy.data.filepath, scene, frame, kind))

    def note_files(self, job, entry):
        """Remembers a job whose files are to be fetched; they count from now on."""
        if self._book:
            self._book.note(job, replace(entry, begun=time.time()))


book = Book()


def note_run(run, desk):
    """The engine has submitted a job of its own accord."""
    if run.line is None or book.entry(run.job) is not None:
        return
    book.note(run.job, run.order.submission.get("scene") or "", run.order.frames[0] if run.order.frames else 0, STILL)
    desk.adopt(run.line)
