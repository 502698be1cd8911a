# SPDX-License-Identifier: GPL-2.0-or-later
"""A Blender without a user's scene: reports its build, its devices and their speed. Argument: token."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).absolute().parent))

from p2p_blender.common import devices
from p2p_blender.common.wire import Wire, script_arguments
from p2p_blender.probe import benchmark_scene
from p2p_blender.probe.describe import describe


def main() -> None:
    (token,) = script_arguments()
    Wire(token).serve(
        {
            "describe": describe,
            "devices": devices.list_devices,
            "use": devices.use_devices,
            "measure": benchmark_scene.measure,
            "save": benchmark_scene.save,
        }
    )


main()
