# SPDX-License-Identifier: GPL-2.0-or-later
"""A Blender without a scene of anybody's: says what it can render on, and how fast. Argument: token."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import devices  # noqa: E402
import benchmark_scene  # noqa: E402
from wire import Wire, own_arguments  # noqa: E402

Wire(own_arguments()[0]).serve(
    {
        "devices": devices.listed,
        "use": devices.use,
        "measure": benchmark_scene.measure,
        "save": benchmark_scene.save,
    }
)
