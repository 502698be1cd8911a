# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files of the open scene are missing. Blender is asked on the main thread, the disk on another one: it may be slow."""

import queue
import threading
import time
from pathlib import Path

import bpy

SCAN_SECONDS = 2.0
# Sources of images that are read from files.
FILE_SOURCES = {"FILE", "SEQUENCE", "MOVIE", "TILED"}


class MissingFiles:
    """`names` is a moment old at most; `update` is for the main thread."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self._results: queue.SimpleQueue[tuple[str, ...]] = queue.SimpleQueue()
        self._is_scanning = False
        self._scanned_at = 0.0

    def update(self) -> bool:
        """True when the result has changed."""
        changed = False
        while not self._results.empty():
            names, self._is_scanning = self._results.get_nowait(), False
            changed, self.names = changed or names != self.names, names
        if not self._is_scanning and time.monotonic() - self._scanned_at > SCAN_SECONDS:
            self._scanned_at, self._is_scanning = time.monotonic(), True
            threading.Thread(target=self._scan, args=(read_paths(),), name="p2p-render-files", daemon=True).start()
        return changed

    def _scan(self, paths: list[tuple[str, str]]) -> None:
        self._results.put(tuple(name for name, path in paths if not Path(path).exists()))


missing_files = MissingFiles()


def is_read_from_file(image: bpy.types.Image) -> bool:
    """Whether its pixels are in a file of its own."""
    return image.source in FILE_SOURCES and image.users > 0 and image.packed_file is None


def read_paths() -> list[tuple[str, str]]:
    """Name and absolute path of each file that the scene reads."""
    data = bpy.data
    paths = [(image.name, first_file(image)) for image in data.images if is_read_from_file(image) and image.filepath]
    paths += [(bpy.path.basename(library.filepath), bpy.path.abspath(library.filepath)) for library in data.libraries]
    paths += [(cache.name, bpy.path.abspath(cache.filepath)) for cache in data.cache_files if cache.filepath]
    paths += [
        (volume.name, bpy.path.abspath(volume.filepath)) for volume in data.volumes if volume.filepath and not volume.is_sequence
    ]
    return paths


def first_file(image: bpy.types.Image) -> str:
    """A path that must exist: of tiled images that of the first tile."""
    path = bpy.path.abspath(image.filepath, library=image.library)
    if image.source == "TILED":
        number = image.tiles[0].number if image.tiles else 1001
        return path.replace("<UDIM>", str(number)).replace("<UVTILE>", f"u{(number - 1001) % 10 + 1}_v{(number - 1001) // 10 + 1}")
    return path
