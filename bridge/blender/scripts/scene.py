# SPDX-License-Identifier: GPL-2.0-or-later
"""The requester's own Blender: looks through the scene it was started with, and later finishes its pictures. Argument: token.

The scene is opened by Blender's own command line, so that the user's flags have gone through Blender's
own parser. It stays open over many frames.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from finish import Finishing  # noqa: E402
from scene_inspect import inspect  # noqa: E402
from wire import Wire, own_arguments  # noqa: E402


def main():
    (token,) = own_arguments()
    finishing = Finishing()
    Wire(token).serve(
        {
            "inspect": inspect,
            "open": finishing.open,
            "stage": finishing.stage,
            "frame": finishing.frame,
            "movie": finishing.movie,
        }
    )


main()
