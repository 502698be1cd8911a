# SPDX-License-Identifier: GPL-2.0-or-later
"""Where downloaded files are kept while this Blender needs them: a temporary folder of its own, removed at exit."""

import atexit
import itertools
import shutil
import tempfile
import threading
from pathlib import Path

from ..bridge.file_names import suffix_of


class DownloadFolder:
    """Created for the first file, inside `parent`: the folder for temporary files of Blender's preferences."""

    def __init__(self) -> None:
        self.parent: str | None = None
        self._folder: Path | None = None
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def path_for(self, remote_path: str) -> str:
        """A new local path for a file of another computer."""
        with self._lock:
            if self._folder is None:
                parent = self.parent if self.parent and Path(self.parent).is_dir() else None
                self._folder = Path(tempfile.mkdtemp(prefix="p2p-render-", dir=parent))
            return str(self._folder / f"{next(self._numbers)}{suffix_of(remote_path)}")

    def clear(self) -> None:
        """Removes the folder with all files."""
        with self._lock:
            folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


download_folder = DownloadFolder()
atexit.register(download_folder.clear)
