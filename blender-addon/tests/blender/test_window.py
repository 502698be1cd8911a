# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on in a real Blender window, with mouse input and a real bridge."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blender_window import BlenderWindow, VirtualScreen
from real_bridge import RealBridge, stop_serving
from time_limit import rest, time_limit
from window_steps import (
    ENDLESS,
    FIT,
    IDLE,
    INSTALL,
    MEASURE_UPDATES,
    OVER_PICTURE,
    RENDER_ANIMATION,
    RENDERS,
    SAME_NAMES,
    SECONDS,
    STATE,
    click_render,
    differing,
    open_window,
    saved_result,
    show,
)


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[RealBridge]:
    with RealBridge(tmp_path / "home") as real:
        yield real


@pytest.fixture
def window(screen: VirtualScreen, bridge: RealBridge, tmp_path: Path, zip_path: str, scene: str) -> Iterator[BlenderWindow]:
    """A Blender with the add-on installed and the scene open."""
    with open_window(screen, bridge, tmp_path) as blender:
        blender.do(INSTALL, zip_path=zip_path)
        blender.do(SAME_NAMES)
        show(blender, scene)
        yield blender


def test_a_click_shows_tiles_and_then_the_picture_of_f12(
    photograph: Callable[[str], Path], screen: VirtualScreen, window: BlenderWindow, tmp_path: Path
) -> None:
    photograph("1-before")
    window.do(MEASURE_UPDATES)
    click_render(screen, window)
    window.until(
        STATE
        + "answer = render_handoff.run and 0 < render_handoff.run.progress.chunks_done < render_handoff.run.progress.chunks_total",
        SECONDS,
    )
    window.do(FIT)
    rest(0.3)
    early = photograph("2-first-tiles")
    done = window.do(STATE + "answer = render_handoff.run.progress.chunks_done")
    window.until(
        STATE + "answer = render_handoff.run.progress.chunks_done >= least or not render_handoff.is_rendering",
        SECONDS,
        least=done + 6,
    )
    rest(0.5)
    late = photograph("3-more-tiles")
    assert differing(early, late) > 1000
    # The engine was changed only for the render.
    window.until("answer = bpy.context.window_manager.windows[0].scene.render.engine == 'CYCLES'", SECONDS)
    window.until(IDLE, SECONDS)
    rest(1)
    photograph("4-done")
    updates = window.do("from p2p_render.ui import timer\nanswer = timer.spent")
    assert len(updates) > 10
    assert max(updates) < time_limit(0.016)
    ours = saved_result(window, tmp_path / "ours.png")
    window.do("bpy.ops.render.render('INVOKE_DEFAULT', use_viewport=True)")
    window.until(IDLE, SECONDS)
    assert differing(ours, saved_result(window, tmp_path / "f12.png")) == 0
    assert window.do("answer = bpy.data.filepath") and not window.do("answer = bpy.data.is_dirty")


def test_escape_stops_the_render_and_a_notice_says_when_the_swarm_has_stopped(
    photograph: Callable[[str], Path], screen: VirtualScreen, window: BlenderWindow
) -> None:
    window.do(ENDLESS)
    click_render(screen, window)
    window.until(STATE + "answer = bool(render_handoff.run and render_handoff.run.progress.active_chunks)", SECONDS)
    screen.key("Escape", *OVER_PICTURE)
    window.until(IDLE, SECONDS)
    window.until(STATE + "answer = notice.text.startswith('The swarm has stopped')", SECONDS)
    photograph("5-stopped")
    assert window.do(STATE + "answer = [job.summary.state for job in bridge_client.jobs.values()]") == ["cancelled"]
    assert window.do("answer = bpy.context.window_manager.windows[0].scene.render.engine") == "CYCLES"


def test_a_second_render_is_refused_with_a_message_and_the_first_goes_on(screen: VirtualScreen, window: BlenderWindow) -> None:
    window.do(ENDLESS)
    click_render(screen, window)
    error = window.do(
        """
try:
    bpy.ops.p2p_render.render_image("INVOKE_DEFAULT")
    answer = "it began"
except RuntimeError as error:
    answer = str(error)
"""
    )
    assert "wait for it, or stop it" in error
    assert window.do(RENDERS)
    window.do(STATE + "bpy.ops.p2p_render.cancel(job=render_handoff.run.job)")
    window.until(IDLE, SECONDS)


def test_after_a_killed_bridge_resume_completes_the_picture(
    photograph: Callable[[str], Path], screen: VirtualScreen, bridge: RealBridge, window: BlenderWindow, tmp_path: Path
) -> None:
    click_render(screen, window)
    window.until(STATE + "answer = render_handoff.run and render_handoff.run.progress.chunks_done", SECONDS)
    bridge.kill()
    window.until(STATE + "answer = render_handoff.failure and 'press Resume' in render_handoff.failure", SECONDS)
    window.until(IDLE, SECONDS)
    rest(1)
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
def test_the_next_blender_finds_the_job_of_one_that_ended(
    end: str,
    photograph: Callable[[str], Path],
    screen: VirtualScreen,
    bridge: RealBridge,
    window: BlenderWindow,
    tmp_path: Path,
    scene: str,
) -> None:
    click_render(screen, window)
    window.until(STATE + "answer = render_handoff.run and render_handoff.run.progress.chunks_done", SECONDS)
    job = window.do(STATE + "answer = render_handoff.run.job")
    # Paused, so that the job cannot end before Blender does.
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
        rest(1)
        photograph(f"7-found-again-{end}")
        again.do("bpy.ops.p2p_render.resume(job=job)", job=job)
        again.do("bpy.ops.p2p_render.go_on(job=job)", job=job)
        again.until(STATE + "answer = notice.text.startswith('Done') or render_handoff.failure", SECONDS)
        assert again.do(STATE + "answer = render_handoff.failure") is None


def test_an_animation_is_rendered_into_the_output_folder_while_blender_stays_usable(
    photograph: Callable[[str], Path], screen: VirtualScreen, window: BlenderWindow, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    window.do(RENDER_ANIMATION, folder=str(folder))
    assert not window.do("answer = bpy.app.is_job_running('RENDER')")
    window.until(STATE + "answer = notice.text.startswith('Done')", SECONDS)
    photograph("8-animation-done")
    assert sorted(path.name for path in folder.iterdir()) == ["shot_01.png", "shot_02.png", "shot_03.png"]


def test_check_scene_shows_what_the_bridge_finds_and_leaves_no_copy(
    photograph: Callable[[str], Path], bridge: RealBridge, window: BlenderWindow
) -> None:
    window.do("bpy.context.scene.cycles.time_limit = 60")
    window.do("bpy.ops.p2p_render.check_scene()")
    imported = "from p2p_render.scene.scene_check import scene_check\n"
    window.until(imported + "answer = not scene_check.is_running", SECONDS)
    assert window.do(imported + "answer = [finding.code for finding in scene_check.findings_for(bpy.context.scene.name)]") == [
        "time-limit"
    ]
    assert list((bridge.home / "copies").iterdir()) == []
    rest(1)
    photograph("9-check-scene")


def test_all_required_programs_are_installed() -> None:
    assert all(shutil.which(name) for name in ("Xvfb", "xdotool", "import", "compare", "idiff"))
