# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes tiles and frames readable for Blender: they are on a shared disk, or have to be downloaded from a remote bridge."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ..bridge.blocking_client import BlockingClient, OperationFailed
from ..bridge.wire.generated import RawImage, Tile
from ..remote.downloaded_files import download_folder


class TileFiles(Protocol):
    """The files of one run."""

    def tile(self, tile: Tile) -> Tile | None:
        """The tile with a local path, or None when its file does not exist any more."""

    def picture(self, picture: RawImage) -> RawImage:
        """The frame with a local path. Raises OperationFailed, Interrupted."""

    def discard(self, paths: set[str]) -> None:
        """These local files are not needed any more."""

    def clear(self) -> None:
        """No file is needed any more."""


class SharedFiles:
    """Bridge and Blender share a disk: paths are used as they are, and the bridge removes its files itself."""

    def tile(self, tile: Tile) -> Tile | None:
        return tile

    def picture(self, picture: RawImage) -> RawImage:
        return picture

    def discard(self, paths: set[str]) -> None:
        pass

    def clear(self) -> None:
        pass


class DownloadedFiles:
    """The bridge is remote: each file is downloaded once, by the run's client."""

    def __init__(self, client: BlockingClient, job: str) -> None:
        self._client = client
        self._job = job
        # Local paths by remote ones: several frames can share a picture.
        self._local: dict[str, str] = {}

    def tile(self, tile: Tile) -> Tile | None:
        path = self._download(tile.path)
        return replace(tile, path=path) if path else None

    def picture(self, picture: RawImage) -> RawImage:
        path = self._download(picture.path)
        if path is None:
            raise OperationFailed(f"The pixels of frame {picture.frame} were deleted on the bridge's computer: render it again.")
        return replace(picture, path=path)

    def discard(self, paths: set[str]) -> None:
        self._local = {remote: local for remote, local in self._local.items() if local not in paths}
        for path in paths:
            with suppress(OSError):
                Path(path).unlink(missing_ok=True)

    def clear(self) -> None:
        self.discard(set(self._local.values()))

    def _download(self, path: str) -> str | None:
        if path not in self._local:
            local = download_folder.path_for(path)
            if not self._client.download(self._job, path, local):
                return None
            self._local[path] = local
        return self._local[path]
