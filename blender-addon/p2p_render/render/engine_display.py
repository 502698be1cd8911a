# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows a run in Blender's render window: tiles, progress, a line of text."""

from pathlib import Path
from typing import Any

import bpy

from ..bridge.job_progress import JobProgress
from ..bridge.wire.generated import Tile
from ..formatting import count, work_done
from .render_handoff import render_handoff


class EngineDisplay:
    """The RenderDisplay of one view layer."""

    def __init__(self, engine: bpy.types.RenderEngine, layer: str) -> None:
        self._engine = engine
        self._layer = layer

    def is_stopped(self) -> bool:
        return render_handoff.stop_requested or self._engine.test_break()

    def status(self, text: str) -> None:
        self._engine.update_stats("", text)

    def progress(self, progress: JobProgress) -> None:
        if progress.chunks_total:
            self._engine.update_progress(progress.chunks_done / progress.chunks_total)
        peers = f" on {count(len(progress.active_donors), 'peer')}" if progress.active_donors else ""
        self.status(work_done(progress.chunks_done, progress.chunks_total, progress.seconds_left, progress.denoising) + peers)

    def tile(self, tile: Tile) -> None:
        """The bridge deletes a tile once its frame is complete, and then the whole frame is shown."""
        x, y = tile.rect.x - tile.region.x, tile.rect.y - tile.region.y
        whole: Any = self._engine.get_result()
        for view in [view.name for view in whole.views]:
            if not Path(tile.path).exists():
                return
            result: Any = self._engine.begin_result(x, y, tile.rect.width, tile.rect.height, layer=self._layer, view=view)
            try:
                result.load_from_file(tile.path)
            except RuntimeError:
                self._engine.end_result(result, cancel=True)
            else:
                self._engine.end_result(result)
