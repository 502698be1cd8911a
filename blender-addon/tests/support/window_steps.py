# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps of a user in a Blender window, and code that a window runs for a test."""

import subprocess
from pathlib import Path

from blender_window import BlenderWindow, VirtualScreen, blender_here
from real_bridge import RealBridge
from time_limit import rest

# The middle of the picture in a window of 1600x900.
OVER_PICTURE = (660, 450)
SECONDS = 300

STATE = """
from p2p_render.render.render_handoff import render_handoff
from p2p_render.bridge.bridge_client import bridge_client
from p2p_render.ui.notices import notice
"""
# For renders that are stopped: long enough not to end before.
ENDLESS = "bpy.context.scene.cycles.samples = 1 << 16"
RENDER_ANIMATION = """
scene = bpy.context.scene
scene.render.filepath = folder + "/shot_##"
scene.render.resolution_percentage, scene.cycles.samples = 10, 4
scene.p2p_render.play = False
bpy.ops.p2p_render.render_animation()
"""
# The same name for an add-on and an extension.
SAME_NAMES = """
import sys
for name in [name for name in sys.modules if ".p2p_render" in name]:
    sys.modules[name[name.index("p2p_render"):]] = sys.modules[name]
"""
INSTALL = """
view = bpy.context.preferences.view
view.show_splash, view.render_display_type = False, "AREA"
if bpy.app.version < (4, 2, 0):
    bpy.ops.preferences.addon_install(filepath=zip_path)
    bpy.ops.preferences.addon_enable(module="p2p_render")
else:
    bpy.ops.extensions.package_install_files(filepath=zip_path, repo="user_default", enable_on_install=True)
bpy.ops.wm.save_userpref()
"""
SHOW = """
window = bpy.context.window_manager.windows[0]
for area in window.screen.areas:
    if area.type == "PROPERTIES":
        area.spaces.active.context = "RENDER"
        answer = [area.x, area.y, area.width, area.height]
"""
FIT = """
window = bpy.context.window_manager.windows[0]
for area in window.screen.areas:
    if area.type == "IMAGE_EDITOR":
        region = next(region for region in area.regions if region.type == "WINDOW")
        with bpy.context.temp_override(window=window, area=area, region=region):
            bpy.ops.image.view_all(fit_view=True)
"""
# CPU time, so that a loaded machine does not fail a test.
MEASURE_UPDATES = """
import time
from p2p_render.ui import timer
update, timer.spent = timer._update, []
def measured():
    before = time.thread_time()
    due = update()
    timer.spent.append(time.thread_time() - before)
    return due
timer._update = measured
"""
RENDERS = STATE + "answer = render_handoff.is_rendering"
IDLE = STATE + "answer = not bpy.app.is_job_running('RENDER')"


def open_window(screen: VirtualScreen, bridge: RealBridge, folder: Path) -> BlenderWindow:
    return BlenderWindow(screen, folder / "user", blender_here(), bridge.environment)


def show(blender: BlenderWindow, scene: str) -> None:
    """Opens the scene, with Properties > Render visible, and waits for the bridge."""
    blender.do("bpy.ops.wm.open_mainfile(filepath=path)", path=scene)
    blender.until("answer = bpy.data.filepath == path", SECONDS, path=scene)
    blender.do(SHOW)
    blender.until(STATE + "answer = bridge_client.is_ready and bridge_client.swarm is not None", SECONDS)


def click_render(screen: VirtualScreen, blender: BlenderWindow) -> None:
    """The mouse presses Render Image on P2P; many small tiles, so that they can be seen arriving."""
    blender.do("settings = bpy.context.scene.p2p_render\nsettings.tiles, settings.columns, settings.rows = 'GRID', 6, 4")
    rest(1.5)  # until the panel is drawn
    x, y, width, height = blender.do(SHOW)
    # Header, breadcrumbs, three lines of Cycles (two since 5.0), our header: then the button.
    line = 25 if blender.do("answer = bpy.app.version >= (5, 0, 0)") else 0
    screen.click(x + width // 2 + 15, 900 - (y + height) + 199 - line)
    blender.until(RENDERS, SECONDS)


def saved_result(blender: BlenderWindow, path: Path) -> Path:
    """The Image Editor's render result, saved in the scene's own file format."""
    blender.do("bpy.data.images['Render Result'].save_render(path)", path=str(path))
    return path


def differing(one: Path, other: Path) -> float:
    """Pixels that are not equal."""
    done = subprocess.run(["compare", "-metric", "AE", str(one), str(other), "null:"], capture_output=True, text=True, check=False)
    return float(done.stderr.split()[0])
