# SPDX-License-Identifier: GPL-2.0-or-later
"""The requester's own Blender: inspects the scene it was started with, and later finishes its pictures. Argument: token.

The scene is opened by Blender's own command line, so that the user's flags have gone through Blender's
own parser. It stays open over many frames.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).absolute().parent))

from p2p_blender.common.wire import Wire, script_arguments
from p2p_blender.finish.finisher import Finisher
from p2p_blender.inspect.inspect_scene import inspect


def main() -> None:
    (token,) = script_arguments()
    finisher = Finisher()
    Wire(token).serve(
        {
            "inspect": inspect,
            "open": finisher.open,
            "stage": finisher.stage,
            "frame": finisher.frame,
            "movie": finisher.movie,
        }
    )


main()
