# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a copy of a scene self-contained, in a background Blender. Never on the main thread: large scenes take long."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..bridge.blocking_client import Interrupted, OperationFailed
from ..bridge.bridge_process import plain_environment

SCRIPT = Path(__file__).parent / "pack_copy.py"
POLL_SECONDS = 0.1
LOG_LINES = 3
# CREATE_NO_WINDOW.
WINDOWS_HIDDEN = 0x08000000


def make_self_contained(program: str, copy: str, is_stopped: Callable[[], bool]) -> tuple[str, ...]:
    """Afterwards the copy at this path reads no other file, as far as Blender can pack. Returns the folders of File Output nodes.

    Raises OperationFailed, Interrupted.
    """
    command = [program, "-b", "--factory-startup", "--disable-autoexec", "--python-exit-code", "1", copy, "--python", str(SCRIPT)]
    with tempfile.TemporaryFile() as log:
        try:
            packing = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=plain_environment(),
                creationflags=WINDOWS_HIDDEN if sys.platform == "win32" else 0,
            )
        except OSError as error:
            raise OperationFailed(f"The copy could not be packed: {program} cannot be started.") from error
        with packing:
            _wait(packing, is_stopped)
        if packing.returncode != 0:
            log.seek(0)
            output = " ".join(log.read().decode("utf-8", "replace").strip().splitlines()[-LOG_LINES:])
            raise OperationFailed(f"The copy could not be packed: {output or f'Blender ended with exit code {packing.returncode}'}")
    return tuple(json.loads((Path(copy).parent / "folders.json").read_text("utf-8")))


def _wait(process: "subprocess.Popen[bytes]", is_stopped: Callable[[], bool]) -> None:
    while True:
        try:
            process.wait(POLL_SECONDS)
            return
        except subprocess.TimeoutExpired:
            if is_stopped():
                process.kill()
                raise Interrupted from None
