# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the header of an EXR that the bridge itself laid out: what is in it, and whether all of it is there.

Blender makes a picture even of a truncated file, and leaves passes black that the file does not have.
So we look first. Single-part scanline files only: stereo files of several parts load as black.
"""

from __future__ import annotations

import mmap
import struct

MAGIC = 20000630
# Flags of the version field: long names are harmless, every other flag means another kind of file.
LONG_NAMES, KNOWN_VERSION = 0x400, 2
PIXEL_BYTES = {0: 4, 1: 2, 2: 4}
# Scanlines in one block, by compression: none, RLE, ZIPS, ZIP, PIZ, PXR24, B44, B44A, DWAA, DWAB.
BLOCK_LINES = (1, 1, 1, 16, 32, 16, 32, 32, 32, 256)


class InvalidExr(Exception):
    """The file must not be loaded by Blender; the message says why."""


class Header:
    """Size, full channel names in their order, string attributes and the place of the first row of a complete file."""

    def __init__(self, size: tuple[int, int], channels: tuple[str, ...], strings: dict[str, str], first_row: int) -> None:
        self.width, self.height = size
        self.channels = channels
        self.strings = strings
        # Where the first row's block begins: its number and length, then its values, channel after channel.
        self.first_row = first_row


def read_header(path: str) -> Header:
    """Reads and checks a file. Raises InvalidExr, OSError."""
    with open(path, "rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _parse(data)
        except (IndexError, ValueError, KeyError, struct.error) as error:
            raise InvalidExr("the file is cut short or is no EXR") from error


def _parse(data: mmap.mmap) -> Header:
    magic, version = struct.unpack_from("<iI", data, 0)
    if magic != MAGIC or version & ~LONG_NAMES != KNOWN_VERSION:
        raise InvalidExr("the file is not a single-part scanline EXR")
    attributes, start = _attributes(data)
    if "multiView" in attributes:
        raise InvalidExr("the file says multiView, with which Blender 5 loads every view as black")
    x_min, y_min, x_max, y_max = struct.unpack("<4i", attributes["dataWindow"][1])
    width, height = x_max - x_min + 1, y_max - y_min + 1
    channels = _channels(attributes["channels"][1])
    strings = {name: value.decode("utf-8", "surrogateescape") for name, (kind, value) in attributes.items() if kind == b"string"}
    first_row = _check_complete(data, start, height, width * sum(channels.values()), attributes["compression"][1][0])
    return Header((width, height), tuple(channels), strings, first_row)


def _attributes(data: mmap.mmap) -> tuple[dict[str, tuple[bytes, bytes]], int]:
    """The attributes by name, and where the header ends."""
    found, at = {}, 8
    while data[at]:
        name, at = _text(data, at)
        kind, at = _text(data, at)
        (size,) = struct.unpack_from("<i", data, at)
        found[name.decode("utf-8", "surrogateescape")] = (kind, data[at + 4 : at + 4 + size])
        at += 4 + size
    return found, at + 1


def _text(data: bytes | mmap.mmap, at: int) -> tuple[bytes, int]:
    end = data.find(b"\0", at)
    if end < 0:
        raise IndexError
    return data[at:end], end + 1


def _channels(value: bytes) -> dict[str, int]:
    """Bytes a pixel of each channel, by name."""
    found, at = {}, 0
    while value[at]:
        name, at = _text(value, at)
        (kind,) = struct.unpack_from("<i", value, at)
        found[name.decode("utf-8", "surrogateescape")] = PIXEL_BYTES[kind]
        at += 16
    return found


def _check_complete(data: mmap.mmap, start: int, height: int, row_bytes: int, compression: int) -> int:
    """Every block has its place, and the last one ends inside the file. Returns the first block's place."""
    blocks = -(-height // BLOCK_LINES[compression])
    offsets = struct.unpack_from(f"<{blocks}Q", data, start)
    if min(offsets) == 0:
        raise InvalidExr("some rows of the file were never written")
    last = max(offsets)
    _, size = struct.unpack_from("<ii", data, last)
    if compression == 0 and size != row_bytes:
        raise InvalidExr("the rows of the file have another length than its channels ask for")
    if last + 8 + size > len(data):
        raise InvalidExr("the file is cut short")
    return offsets[0]
