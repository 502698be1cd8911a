# SPDX-License-Identifier: GPL-2.0-or-later
"""Time from the click to the first tile on the screen, compared with F12's first pixels.

    npm run bench -- addon [rounds]

A real Blender window on Xvfb, a bridge that has been started, this computer alone. Both are read off the screen, in turn.
"""

from __future__ import annotations

import mmap
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "blender-addon"), str(PROJECT / "blender-addon" / "tests" / "support")]

import build_zip  # noqa: E402
from blender_window import BlenderWindow, VirtualScreen, blender_here, plain_environment  # noqa: E402
from real_bridge import RealBridge  # noqa: E402
from window_steps import FIT, IDLE, INSTALL, show  # noqa: E402

F12 = "bpy.ops.render.render('INVOKE_DEFAULT', use_viewport=True)"
ON_P2P = "bpy.ops.p2p_render.render_image('INVOKE_DEFAULT')"
LIMIT_SECONDS = 120
# The middle of the picture, inside the window of the tests.
LEFT, TOP, WIDTH, HEIGHT, STEP = 480, 330, 360, 240, 6
# Blender's own greys and its empty picture have no colour; the scene's picture has.
COLOURED = 24


class FrameBuffer:
    """The contents of an Xvfb screen, read from its memory (the XWD format: X11/XWDFile.h)."""

    def __init__(self, folder: Path) -> None:
        with (folder / "Xvfb_screen0").open("rb") as file:
            self._memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        fields = struct.unpack(">25I", self._memory[:100])
        self._line = fields[12]
        self._begin = fields[0] + fields[19] * 12

    def coloured(self) -> float:
        """The share of pixels with a colour in the middle of the picture."""
        found = 0
        for y in range(TOP, TOP + HEIGHT, STEP):
            for x in range(LEFT, LEFT + WIDTH, STEP):
                at = self._begin + y * self._line + x * 4
                blue, green, red = self._memory[at : at + 3]
                found += max(blue, green, red) - min(blue, green, red) > COLOURED
        return found / ((WIDTH // STEP) * (HEIGHT // STEP))


def seconds_until_seen(screen: FrameBuffer, blender: Any, begin: str) -> float:
    """From `begin` to the first coloured pixels on the screen; before that an empty render slot is shown."""
    blender.do("bpy.data.images['Render Result'].render_slots.active_index += 1")
    blender.do(FIT)
    time.sleep(1)
    empty = screen.coloured()
    started = time.monotonic()
    blender.do(begin)
    while screen.coloured() < empty + 0.02:
        assert time.monotonic() - started < LIMIT_SECONDS, blender.log()
        time.sleep(0.02)
    seconds = time.monotonic() - started
    blender.until(IDLE, 600)
    time.sleep(1)
    return seconds


def small_scene(folder: Path) -> str:
    """Some seconds of work."""
    path = folder / "still.blend"
    code = f"""
import bpy
scene = bpy.context.scene
scene.render.resolution_percentage, scene.cycles.samples = 50, 64
bpy.ops.wm.save_as_mainfile(filepath={str(path)!r})
"""
    words = [blender_here(), "-b", str(PROJECT / "sample-scenes" / "demo-still.blend"), "--python-expr", code]
    subprocess.run(words, env=plain_environment(), check=True, capture_output=True)
    return str(path)


def main(rounds: int) -> None:
    with (
        tempfile.TemporaryDirectory() as scratch,
        RealBridge(Path(scratch) / "home") as bridge,
        VirtualScreen("-fbdir", scratch) as screen,
    ):
        folder = Path(scratch)
        build_zip.main([scratch])
        scene = small_scene(folder)
        buffer = FrameBuffer(folder)
        with BlenderWindow(screen, folder / "user", blender_here(), bridge.environment) as blender:
            blender.do(INSTALL, zip_path=str(next(folder.glob("*.zip"))))
            show(blender, scene)
            blender.do(F12)  # opens the Image Editor
            blender.until(IDLE, 600)
            times: dict[str, list[float]] = {"F12": [], "Render Image on P2P": []}
            for number in range(rounds):
                for how, begin in zip(times, (F12, ON_P2P), strict=True):
                    seconds = seconds_until_seen(buffer, blender, begin)
                    times[how].append(seconds)
                    print(f"round {number + 1}/{rounds}  {seconds:5.2f} s  {how}", file=sys.stderr)
    print("| from the click to the first picture on the screen | median s | each |\n|---|---|---|")
    for how, taken in times.items():
        print(f"| {how} | {statistics.median(taken):.2f} | {', '.join(f'{one:.2f}' for one in taken)} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
