# SPDX-License-Identifier: GPL-2.0-or-later
"""How long an artist looks at nothing: from the click to the first tile on the screen, beside F12's own first pixels.

    python3 bench/addon.py [rounds]

A real Blender window on Xvfb, a warm bridge with this computer alone. Both are read off the screen, in turn.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "blender-addon"), str(PROJECT / "blender-addon" / "tests")]

import build_zip  # noqa: E402
from blender_window import BlenderWindow, Screen, blender_here, plain_environment  # noqa: E402
from real_bridge import RealBridge  # noqa: E402
from test_window import IDLE, INSTALL, STATE, show  # noqa: E402

# Blender's own greys have no colour; the scene's picture has.
COLOURED = 0.25


def colour_in_the_middle(screen, path):
    """Share of full saturation in the middle of the Image Editor."""
    screen.run("import", "-window", "root", "-crop", "300x200+510+350", str(path))
    words = ["convert", str(path), "-colorspace", "HSL", "-channel", "G", "-separate", "-format", "%[fx:mean]", "info:"]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def seconds_until_seen(screen, blender, begin, folder):
    """From `begin` to colour on the screen; the editor shows an empty picture before."""
    blender.do("bpy.data.images['Render Result'].render_slots.active_index += 1")
    time.sleep(1)
    empty = colour_in_the_middle(screen, folder / "now.png")
    started = time.monotonic()
    blender.do(begin)
    while colour_in_the_middle(screen, folder / "now.png") < empty + COLOURED / 5:
        assert time.monotonic() - started < 300, blender.log()
    seconds = time.monotonic() - started
    blender.until(IDLE, 600)
    return seconds


def small_scene(folder):
    path = folder / "still.blend"
    code = f"import bpy\nscene = bpy.context.scene\nscene.render.resolution_percentage, scene.cycles.samples = 50, 64\nbpy.ops.wm.save_as_mainfile(filepath={str(path)!r})"
    words = [blender_here(), "-b", str(PROJECT / "sample-scenes" / "demo-still.blend"), "--python-expr", code]
    subprocess.run(words, env=plain_environment(), check=True, capture_output=True)
    return str(path)


def main(rounds):
    with tempfile.TemporaryDirectory() as scratch, RealBridge(Path(scratch) / "home") as bridge, Screen() as screen:
        folder = Path(scratch)
        build_zip.main([scratch])
        scene = small_scene(folder)
        with BlenderWindow(screen, folder / "user", blender_here(), bridge.environment) as blender:
            blender.do(INSTALL, zip_path=str(next(folder.glob("*.zip"))))
            show(blender, scene)
            swarm, own = "bpy.ops.p2p_render.render_image('INVOKE_DEFAULT')", "bpy.ops.render.render('INVOKE_DEFAULT', use_viewport=True)"
            blender.do(own)
            blender.until(STATE + "answer = not bpy.app.is_job_running('RENDER')", 600)
            times = {"F12": [], "Render Image on P2P": []}
            for _ in range(rounds):
                times["F12"].append(seconds_until_seen(screen, blender, own, folder))
                times["Render Image on P2P"].append(seconds_until_seen(screen, blender, swarm, folder))
    for how, taken in times.items():
        print(f"{how:24} first picture after {statistics.median(taken):5.1f} s  ({', '.join(f'{one:.1f}' for one in taken)})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
