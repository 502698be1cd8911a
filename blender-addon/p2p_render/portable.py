# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a copy of a scene self-contained, in a Blender of its own without a window. Not on the main thread: large scenes take long."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from .bridge_process import plain_environment
from .conversation import Interrupted, RunFailed

SCRIPT = Path(__file__).parent / "pack_copy.py"
POLL_SECONDS = 0.1
LOG_LINES = 3


def make_portable(program, copy, is_stopped):
    """The copy at this path then reads no other file, as far as Blender can pack. Returns the folders of its File Output nodes.

    Raises RunFailed, Interrupted.
    """
    words = [program, "-b", "--factory-startup", "--disable-autoexec", "--python-exit-code", "1", copy, "--python", str(SCRIPT)]
    hidden = {"creationflags": 0x08000000} if sys.platform == "win32" else {}
    with tempfile.TemporaryFile() as log:
        try:
            packing = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=plain_environment(), **hidden
            )
        except OSError as error:
            raise RunFailed(f"The copy could not be packed: {program} cannot be started.") from error
        with packing:
            _wait(packing, is_stopped)
        if packing.returncode != 0:
            log.seek(0)
            said = " ".join(log.read().decode("utf-8", "replace").strip().splitlines()[-LOG_LINES:])
            raise RunFailed(f"The copy could not be packed: {said or f'Blender ended with code {packing.returncode}'}")
    return tuple(json.loads((Path(copy).parent / "folders.json").read_text("utf-8")))


def _wait(process, is_stopped):
    while True:
        try:
            process.wait(POLL_SECONDS)
            return
        except subprocess.TimeoutExpired:
            if is_stopped():
                process.kill()
                raise Interrupted from None
