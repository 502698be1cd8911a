# SPDX-License-Identifier: GPL-2.0-or-later
"""Files over the WebSocket, in parts: four bytes with the number of the transfer, big-endian, then the next bytes of the file.

No file is ever held in memory as a whole.
"""

import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .wire import generated

PART_BYTES = 256 * 1024
HEAD = struct.Struct(">I")


@dataclass(frozen=True)
class FileReceived:
    """The file that request `id` asked for is complete."""

    id: int


@dataclass(frozen=True)
class OutgoingFile:
    """A file to send as an upload; after its last part, request `id` asks for the result."""

    id: int
    upload: int
    path: str


def encode_part(number: int, data: bytes) -> bytes:
    """One binary frame."""
    return HEAD.pack(number) + data


class IncomingFile:
    """A file that is being received, under a temporary name until it is complete."""

    def __init__(self, request: int, path: str, size: int) -> None:
        self._request = request
        self._path = Path(path)
        self._temporary = self._path.with_name(f".{self._path.name}.part")
        self._left = size
        self._failure: tuple[str, str] | None = None
        self._file: BinaryIO | None = None
        self._attempt(self._open)

    @property
    def is_complete(self) -> bool:
        """All bytes have been received."""
        return self._left == 0

    def write(self, data: bytes) -> None:
        """The next bytes. A part without data means that no more will come."""
        if not data:
            self._left = 0
            self._fail("FILE_GONE", "The file was overwritten during the transfer.")
        self._left = max(0, self._left - len(data))
        if self._file is not None:
            file = self._file
            self._attempt(lambda: file.write(data))

    def finish(self) -> FileReceived | generated.Failure:
        """After the last part: gives the file its name, or says why that was not possible."""
        self._attempt(self._close)
        if self._failure is None:
            self._attempt(lambda: self._temporary.replace(self._path))
        if self._failure is None:
            return FileReceived(self._request)
        self.discard()
        return local_failure(self._request, *self._failure)

    def discard(self) -> None:
        """Removes what was written so far."""
        with suppress(OSError):
            self._close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._temporary.open("wb")

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _attempt(self, work: Callable[[], object]) -> None:
        """An error is reported at the end: until then parts arrive that must be consumed."""
        try:
            work()
        except OSError as error:
            self._fail("FILE_NOT_KEPT", f"{self._path} could not be written: {error.strerror}.")

    def _fail(self, code: str, message: str) -> None:
        """The first error counts."""
        self._failure = self._failure or (code, message)


def local_failure(request: int, code: str, message: str) -> generated.Failure:
    """An error on our side, in the form in which the bridge reports its own."""
    return generated.Failure(request, generated.ErrorBody(code, message, ""))
