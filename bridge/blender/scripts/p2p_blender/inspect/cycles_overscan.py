# SPDX-License-Identifier: GPL-2.0-or-later
"""How far around a tile Cycles must render, so that the tile has the bits of the whole frame."""

from __future__ import annotations

import bpy

from ..common import compat, cycles
from ..common.volumes import has_volume

# Converged pixels are woken up by their neighbours. Measured: 2 px were enough in every scene tried.
ADAPTIVE_PX = 16
# From 5.0 on buffers that guide volumes are blurred over neighbours at every power of two of samples (path_trace.cpp).
VOLUME_BLUR_PX = 5


def overscan_of(scene: bpy.types.Scene) -> int:
    """Pixels around a tile; 0 for engines that are never cut."""
    if not cycles.renders(scene):
        return 0
    settings = cycles.settings(scene)
    adaptive = ADAPTIVE_PX if settings.use_adaptive_sampling else 0
    guided = compat.counts_volume_samples(scene) and has_volume(scene)
    # One blur at each of 1, 2, 4, … samples.
    return adaptive + (VOLUME_BLUR_PX * max(1, settings.samples).bit_length() if guided else 0)
