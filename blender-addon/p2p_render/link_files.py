# SPDX-License-Identifier: GPL-2.0-or-later
"""Files on the wire, in parts: four bytes that number the file, big-endian, then what comes next of it. Never a whole file in memory."""

import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from . import messages

PART_BYTES = 256 * 1024
HEAD = struct.Struct(">I")


@dataclass(frozen=True)
class Fetched:
    """A file that was asked for by `id` has come whole."""

    id: int


@dataclass(frozen=True)
class Outgoing:
    """A file that is to be sent as an upload; the question `id` asks what has become of it."""

    id: int
    upload: int
    path: str


def part(number, data):
    """One frame."""
    return HEAD.pack(number) + data


class IncomingFile:
    """A file on its way to the disk, under another name until it is whole."""

    def __init__(self, question, path, size):
        self._question = question
        self._path = Path(path)
        self._beside = self._path.with_name(f".{self._path.name}.part")
        self._left = size
        self._failure = None
        self._file = None
        self._try(self._open)

    @property
    def is_whole(self):
        """All of it has come."""
        return self._left == 0

    def take(self, data):
        """What comes next of it. A part without data says that no more will come."""
        if not data:
            self._left, self._failure = 0, self._failure or ("FILE_GONE", "The file was written anew while it came.")
        self._left = max(0, self._left - len(data))
        if self._file is not None:
            self._try(lambda: self._file.write(data))

    def outcome(self):
        """When all has come: it has its name, and what to tell of it."""
        self._try(self._close)
        if self._failure is None:
            self._try(lambda: self._beside.replace(self._path))
        if self._failure is None:
            return Fetched(self._question)
        self.drop()
        return failure(self._question, *self._failure)

    def drop(self):
        """Nothing of it stays."""
        with suppress(OSError):
            self._close()
        with suppress(OSError):
            self._beside.unlink(missing_ok=True)

    def _open(self):
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._beside.open("wb")

    def _close(self):
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _try(self, work):
        """What goes wrong is told when all has come: until then parts come that must go somewhere."""
        try:
            work()
        except OSError as error:
            self._failure = self._failure or ("FILE_NOT_KEPT", f"{self._path} could not be written: {error.strerror}.")


def failure(question, code, message):
    """Something of ours that went wrong, in the words in which the bridge tells of its own."""
    return messages.Failure(question, messages.ErrorBody(code, message, ""))
