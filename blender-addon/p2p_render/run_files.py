# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the pictures of a run are: where the bridge says, or, when it has another disk, fetched to this one."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from .arrivals import arrivals
from .conversation import RunFailed


class FilesHere:
    """Bridge and Blender share a disk."""

    def tile(self, tile):
        """The tile as it can be shown, or None when it is too late for it."""
        return tile

    def picture(self, picture):
        """The picture as Blender can load it."""
        return picture

    def forget(self, paths):
        """The bridge removes its files itself."""

    def clear(self):
        """Nothing of ours lies anywhere."""


class FilesFetched:
    """They do not: each file is fetched once. `talk` is the run's conversation."""

    def __init__(self, talk, job):
        self._talk = talk
        self._job = job
        # Local paths by those of the bridge: frames share pictures.
        self._local = {}

    def tile(self, tile):
        """None when it is too late for it: its frame is whole by now."""
        path = self._fetch(tile.path)
        return replace(tile, path=path) if path else None

    def picture(self, picture):
        """Raises RunFailed, Interrupted."""
        path = self._fetch(picture.path)
        if path is None:
            raise RunFailed(f"The pixels of frame {picture.frame} are not on the bridge's computer any more: render it again.")
        return replace(picture, path=path)

    def forget(self, paths):
        """These are of no more use."""
        self._local = {there: here for there, here in self._local.items() if here not in paths}
        for path in paths:
            with suppress(OSError):
                Path(path).unlink(missing_ok=True)

    def clear(self):
        """None is."""
        self.forget(set(self._local.values()))

    def _fetch(self, path):
        if path not in self._local:
            here = arrivals.path_for(path)
            if not self._talk.fetch(self._job, path, here):
                return None
            self._local[path] = here
        return self._local[path]
