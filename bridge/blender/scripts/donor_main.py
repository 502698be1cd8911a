# SPDX-License-Identifier: GPL-2.0-or-later
"""A donor's Blender: loads a scene and renders chunks of it until told to stop.

Arguments: token, scratch folder, and "trusted" or "untrusted". Any other value counts as untrusted.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).absolute().parent))

from p2p_blender.common import devices
from p2p_blender.common.wire import Wire, script_arguments
from p2p_blender.render.session import Session


def main() -> None:
    token, scratch, *origin = script_arguments()
    session = Session(scratch, is_untrusted=origin != ["trusted"])
    Wire(token).serve({"use": devices.use_devices, "load": session.load, "render": session.render})


main()
