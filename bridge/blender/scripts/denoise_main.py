# SPDX-License-Identifier: GPL-2.0-or-later
"""A Blender of the requester's own that denoises assembled frames; it opens no scene. Argument: token."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).absolute().parent))

from p2p_blender.common.wire import Json, Wire, script_arguments
from p2p_blender.finish.denoise_frame import denoise_frame


def main() -> None:
    (token,) = script_arguments()
    wire = Wire(token)

    def denoise(request: Json) -> None:
        denoise_frame(request, lambda share: wire.send({"id": request["id"], "progress": share}))

    wire.serve({"denoise": denoise})


main()
