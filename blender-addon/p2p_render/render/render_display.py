# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run shows its progress with: the engine's display in Blender's render window, or none."""

from typing import Protocol

from ..bridge.job_progress import JobProgress
from ..bridge.wire.generated import Tile


class RenderDisplay(Protocol):
    """Shows what a run receives, and says whether the user has stopped it."""

    def tile(self, tile: Tile) -> None:
        """Shows a tile, whose file exists for a short time only."""

    def progress(self, progress: JobProgress) -> None:
        """Shows how far the job is."""

    def status(self, text: str) -> None:
        """Shows a line of text."""

    def is_stopped(self) -> bool:
        """Whether the user has stopped the render."""


class NullDisplay:
    """Shows nothing; cannot be stopped."""

    def tile(self, tile: Tile) -> None:
        pass

    def progress(self, progress: JobProgress) -> None:
        pass

    def status(self, text: str) -> None:
        pass

    def is_stopped(self) -> bool:
        return False


NULL_DISPLAY = NullDisplay()
