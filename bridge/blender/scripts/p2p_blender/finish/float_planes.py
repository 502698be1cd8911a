# SPDX-License-Identifier: GPL-2.0-or-later
"""Channels of an assembled EXR as arrays: read and written in place, without a copy of the whole picture."""

from __future__ import annotations

from types import TracebackType

import numpy as np

from . import assembled_exr

# A row's number and length stand before its values.
ROW_LEAD_BYTES = 8


class FloatPlanes:
    """The file's channels, 32-bit floats, rows from bottom to top as Cycles counts them."""

    def __init__(self, path: str, mode: str) -> None:
        header = assembled_exr.read_header(path)
        count, width, height = len(header.channels), header.width, header.height
        self._bytes = np.memmap(path, dtype=np.uint8, mode="r+" if mode == "write" else "r")
        rows = np.ndarray(
            shape=(height, count, width),
            dtype="<f4",
            buffer=self._bytes,
            offset=header.first_row + ROW_LEAD_BYTES,
            strides=(ROW_LEAD_BYTES + count * width * 4, width * 4, 4),
        )
        self._rows = rows[::-1]
        self._places = {name: place for place, name in enumerate(header.channels)}

    def __enter__(self) -> FloatPlanes:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if error is None and isinstance(self._bytes, np.memmap) and self._bytes.flags.writeable:
            self._bytes.flush()

    def has(self, name: str) -> bool:
        return name in self._places

    @property
    def names(self) -> list[str]:
        return list(self._places)

    def read(self, stem: str, ids: str) -> np.ndarray:
        """[height, width, len(ids)] of the channels `stem` + each id."""
        return np.stack([self._rows[:, self._places[stem + each]] for each in ids], -1)

    def write(self, stem: str, ids: str, values: np.ndarray) -> None:
        for at, each in enumerate(ids):
            self._rows[:, self._places[stem + each]] = values[..., at]
