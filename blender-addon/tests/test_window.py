# SPDX-License-Identifier: GPL-2.0-or-later
"""An artist at work: a real window, a real mouse, a real bridge. Pictures of the screen are kept in .reports/window/."""

import shutil
import subprocess
import time

import pytest
from blender_window import BlenderWindow, Screen, blender_here, plain_environment
from real_bridge import PROJECT, RealBridge, stop_serving

import build_zip

PICTURES = PROJECT / ".reports" / "window"
# Middle of the window's picture and of the first button under the choice of engine (Properties > Render of the first workspace, 1600x900).
OVER_PICTURE = (660, 450)
SECONDS = 300

STATE = """
from p2p_render.render.render_handoff import render_handoff
from p2p_render.bridge.bridge_client import bridge_client
from p2p_render.ui.notices import notice
"""
# For renders that are stopped: it must not be over before.
ENDLESS = "bpy.context.scene.cycles.samples = 1 << 16"
RENDER_ANIMATION = """
scene = bpy.context.scene
scene.render.filepath = folder + "/shot_##"
scene.render.resolution_percentage, scene.cycles.samples = 10, 4
scene.p2p_render.play = False
bpy.ops.p2p_render.render_animation()
"""
# Under one name, whether it is an add-on or an extension.
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
# Its own work, not the time that others had the processor: a loaded machine must not fail a test.
MEASURE_TURNS = """
import time
from p2p_render.ui import timer
turn, timer.spent = timer._update, []
def measured():
    before = time.thread_time()
    due = turn()
    timer.spent.append(time.thread_time() - before)
    return due
timer._update = measured
"""
RENDERS = STATE + "answer = render_handoff.is_rendering"
IDLE = STATE + "answer = not bpy.app.is_job_running('RENDER')"


@pytest.fixture(scope="module")
def zip_path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zip")
    build_zip.main([str(folder)])
    return str(next(folder.glob("*.zip")))


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Small, and slow enough that its tiles can be seen arriving: a window drawn in software may take seconds for each look."""
    path = tmp_path_factory.mktemp("scene") / "still.blend"
    code = f"""
import bpy
scene = bpy.context.scene
scene.render.resolution_percentage, scene.cycles.samples = 40, 128
scene.frame_start, scene.frame_end = 1, 3
bpy.ops.wm.save_as_mainfile(filepath={str(path)!r})
"""
    words = ["-b", str(PROJECT / "sample-scenes" / "demo-still.blend"), "--python-expr", code]
    subprocess.run([blender_here(), *words], env=plain_environment(), check=True, capture_output=True)
    return str(path)


@pytest.fixture(scope="module")
def screen():
    with Screen() as one:
        yield one


@pytest.fixture
def bridge(tmp_path):
    with RealBridge(tmp_path / "home") as real:
        yield real


@pytest.fixture
def window(screen, bridge, tmp_path, zip_path, scene):
    """A Blender with the add-on installed and the scene open."""
    with open_window(screen, bridge, tmp_path) as blender:
        blender.do(INSTALL, zip_path=zip_path)
        blender.do(SAME_NAMES)
        show(blender, scene)
        yield blender


def open_window(screen, bridge, folder):
    return BlenderWindow(screen, folder / "user", blender_here(), bridge.environment)


def show(blender, scene):
    """Opens the scene, with Properties > Render in sight, and waits for the bridge."""
    blender.do("bpy.ops.wm.open_mainfile(filepath=path)", path=scene)
    blender.until("answer = bpy.data.filepath == path", 30, path=scene)
    blender.do(SHOW)
    blender.until(STATE + "answer = bridge_client.is_ready and bridge_client.swarm is not None", SECONDS)


def click_render(screen, blender):
    """The mouse presses Render Image on P2P; many small tiles, so that they can be seen arriving."""
    blender.do("settings = bpy.context.scene.p2p_render\nsettings.tiles, settings.columns, settings.rows = 'GRID', 6, 4")
    time.sleep(1.5)  # until the panel is drawn
    x, y, width, height = blender.do(SHOW)
    # Header, breadcrumbs, three lines of Cycles (two since 5.0), our header: then the button.
    line = 25 if blender.do("answer = bpy.app.version >= (5, 0, 0)") else 0
    screen.click(x + width // 2 + 15, 900 - (y + height) + 199 - line)
    blender.until(RENDERS, SECONDS)


@pytest.fixture
def photograph(screen, tmp_path):
    """Keeps what is on the screen; the copy is for people."""

    def take(name):
        picture = screen.picture(tmp_path / f"{name}.png")
        PICTURES.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, PICTURES)
        return picture

    return take


def saved_result(blender, path):
    """What the Image Editor's render result holds, as the scene's own file format writes it."""
    blender.do("bpy.data.images['Render Result'].save_render(path)", path=str(path))
    return path


def differing(one, other):
    """Pixels that are not equal."""
    done = subprocess.run(["compare", "-metric", "AE", str(one), str(other), "null:"], capture_output=True, text=True, check=False)
    return float(done.stderr.split()[0])


def test_a_click_brings_tiles_and_in_the_end_the_picture_of_f12(photograph, screen, window, tmp_path):
    photograph("1-before")
    window.do(MEASURE_TURNS)
    click_render(screen, window)
    window.until(
        STATE
        + "answer = render_handoff.run and 0 < render_handoff.run.progress.chunks_done < render_handoff.run.progress.chunks_total",
        SECONDS,
    )
    window.do(FIT)
    time.sleep(0.3)
    early = photograph("2-first-tiles")
    done = window.do(STATE + "answer = render_handoff.run.progress.chunks_done")
    window.until(
        STATE + "answer = render_handoff.run.progress.chunks_done >= least or not render_handoff.is_rendering",
        SECONDS,
        least=done + 6,
    )
    time.sleep(0.5)
    late = photograph("3-more-tiles")
    assert differing(early, late) > 1000
    # The engine was only lent.
    window.until("answer = bpy.context.window_manager.windows[0].scene.render.engine == 'CYCLES'", SECONDS)
    window.until(IDLE, SECONDS)
    time.sleep(1)
    photograph("4-done")
    turns = window.do("from p2p_render import ticker\nanswer = timer.spent")
    assert len(turns) > 10
    assert max(turns) < 0.016
    ours = saved_result(window, tmp_path / "ours.png")
    window.do("bpy.ops.render.render('INVOKE_DEFAULT', use_viewport=True)")
    window.until(IDLE, SECONDS)
    assert differing(ours, saved_result(window, tmp_path / "f12.png")) == 0
    assert window.do("answer = bpy.data.filepath") and not window.do("answer = bpy.data.is_dirty")


def test_escape_stops_and_says_when_the_swarm_has_stopped(photograph, screen, window):
    window.do(ENDLESS)
    click_render(screen, window)
    window.until(STATE + "answer = bool(render_handoff.run and render_handoff.run.progress.active_chunks)", SECONDS)
    screen.key("Escape", *OVER_PICTURE)
    window.until(IDLE, SECONDS)
    window.until(STATE + "answer = notice.text.startswith('The swarm has stopped')", SECONDS)
    photograph("5-stopped")
    assert window.do(STATE + "answer = [job.summary.state for job in bridge_client.jobs.values()]") == ["cancelled"]
    assert window.do("answer = bpy.context.window_manager.windows[0].scene.render.engine") == "CYCLES"


def test_a_second_render_is_refused_with_a_sentence_and_the_first_goes_on(screen, window):
    window.do(ENDLESS)
    click_render(screen, window)
    said = window.do(
        """
try:
    bpy.ops.p2p_render.render_image("INVOKE_DEFAULT")
    answer = "it began"
except RuntimeError as error:
    answer = str(error)
"""
    )
    assert "wait for it, or stop it" in said
    assert window.do(RENDERS)
    window.do(STATE + "bpy.ops.p2p_render.cancel(job=render_handoff.run.job)")
    window.until(IDLE, SECONDS)


def test_a_killed_bridge_is_a_sentence_and_go_on_brings_the_picture(photograph, screen, bridge, window, tmp_path):
    click_render(screen, window)
    window.until(STATE + "answer = render_handoff.run and render_handoff.run.progress.chunks_done", SECONDS)
    bridge.kill()
    window.until(STATE + "answer = render_handoff.failure and 'press Resume' in render_handoff.failure", SECONDS)
    window.until(IDLE, SECONDS)
    time.sleep(1)
    photograph("6-bridge-killed")
    (job,) = window.do(STATE + "answer = list(bridge_client.jobs)")
    try:
        window.do("bpy.ops.p2p_render.go_on(job=job)", job=job)
        window.until(STATE + "answer = notice.text.startswith('Done') or render_handoff.failure", SECONDS)
        assert window.do(STATE + "answer = render_handoff.failure") is None
        window.until(IDLE, SECONDS)
        ours = saved_result(window, tmp_path / "ours.png")
        window.do("bpy.ops.render.render('INVOKE_DEFAULT', use_viewport=True)")
        window.until(IDLE, SECONDS)
        assert differing(ours, saved_result(window, tmp_path / "f12.png")) == 0
    finally:
        stop_serving(bridge.home)


@pytest.mark.parametrize("end", ["killed", "closed"])
def test_a_blender_that_goes_loses_nothing_the_next_one_finds_the_job(end, photograph, screen, bridge, window, tmp_path, scene):
    click_render(screen, window)
    window.until(STATE + "answer = render_handoff.run and render_handoff.run.progress.chunks_done", SECONDS)
    job = window.do(STATE + "answer = render_handoff.run.job")
    # Paused, so that the job cannot be over before Blender is.
    window.do("bpy.ops.p2p_render.pause(job=job)", job=job)
    window.until(STATE + "answer = bridge_client.jobs[job].summary.state == 'paused'", SECONDS, job=job)
    if end == "closed":
        window.quit()
    window.kill()
    with open_window(screen, bridge, tmp_path) as again:
        again.do(SAME_NAMES)
        show(again, scene)
        again.until(
            STATE + "answer = job in bridge_client.jobs and bridge_client.jobs[job].summary.state == 'paused'", SECONDS, job=job
        )
        time.sleep(1)
        photograph(f"7-found-again-{end}")
        again.do("bpy.ops.p2p_render.resume(job=job)", job=job)
        again.do("bpy.ops.p2p_render.go_on(job=job)", job=job)
        again.until(STATE + "answer = notice.text.startswith('Done') or render_handoff.failure", SECONDS)
        assert again.do(STATE + "answer = render_handoff.failure") is None


def test_an_animation_goes_to_the_output_folder_while_blender_stays_free(photograph, screen, window, tmp_path):
    folder = tmp_path / "out"
    window.do(RENDER_ANIMATION, folder=str(folder))
    assert not window.do("answer = bpy.app.is_job_running('RENDER')")
    window.until(STATE + "answer = notice.text.startswith('Done')", SECONDS)
    photograph("8-animation-done")
    assert sorted(path.name for path in folder.iterdir()) == ["shot_01.png", "shot_02.png", "shot_03.png"]


def test_a_closer_look_says_what_only_the_bridge_finds_and_leaves_no_copy(photograph, bridge, window):
    window.do("bpy.context.scene.cycles.time_limit = 60")
    window.do("bpy.ops.p2p_render.check_scene()")
    looked = "from p2p_render.scene_check import scene_check\n"
    window.until(looked + "answer = not scene_check.is_running", SECONDS)
    assert window.do(looked + "answer = [finding.code for finding in scene_check.findings_for(bpy.context.scene.name)]") == [
        "time-limit"
    ]
    assert list((bridge.home / "copies").iterdir()) == []
    time.sleep(1)
    photograph("9-closer-look")


def test_everything_needed_is_installed():
    assert all(shutil.which(name) for name in ("Xvfb", "xdotool", "import", "compare", "idiff"))
