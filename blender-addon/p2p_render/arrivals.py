# SPDX-License-Identifier: GPL-2.0-or-later
"""Where fetched files lie while this Blender needs them: a folder of its own, which goes with it. Plain Python."""

import atexit
import itertools
import shutil
import tempfile
import threading
from pathlib import Path


class Arrivals:
    """Made when the first file comes; `beside` is the folder for temporary files that the artist chose."""

    def __init__(self):
        self.beside = None
        self._folder = None
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def path_for(self, path):
        """A fresh path on this computer for a file of another one."""
        with self._lock:
            if self._folder is None:
                beside = self.beside if self.beside and Path(self.beside).is_dir() else None
                self._folder = Path(tempfile.mkdtemp(prefix="p2p-render-", dir=beside))
        return str(self._folder / f"{next(self._numbers)}{suffix_of(path)}")

    def clear(self):
        """Nothing of it stays."""
        with self._lock:
            folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def suffix_of(path):
    """How a file's name ends, whatever system its path is of."""
    return Path(name_of(path)).suffix


def name_of(path):
    """The last part of a path of another computer, which may be a Windows one."""
    return path.replace("\\", "/").rpartition("/")[2]


arrivals = Arrivals()
atexit.register(arrivals.clear)
