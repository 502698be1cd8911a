# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on in a real Blender window, with a real bridge on another disk: the window cannot see its home, as through a tunnel."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blender_window import BlenderWindow, VirtualScreen, blender_here
from real_bridge import RealBridge, can_hide, hiding
from time_limit import rest, time_limit
from window_steps import (
    IDLE,
    INSTALL,
    MEASURE_UPDATES,
    RENDER_ANIMATION,
    SAME_NAMES,
    SECONDS,
    STATE,
    click_render,
    differing,
    saved_result,
    show,
)

TUNNEL = """
own = next(each.preferences for each in bpy.context.preferences.addons if each.module.endswith("p2p_render"))
own.address, own.token = address, token
"""


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[RealBridge]:
    with RealBridge(tmp_path / "home") as real:
        yield real


@pytest.fixture
def window(screen: VirtualScreen, bridge: RealBridge, tmp_path: Path, zip_path: str, scene: str) -> Iterator[BlenderWindow]:
    if not can_hide(bridge.home):
        pytest.skip("this system does not let us hide a folder")
    note = json.loads((bridge.home / "gateway.json").read_text("utf-8"))
    environment = {"BRIDGE_HOME": str(tmp_path / "own-home"), "P2P_RENDER_BRIDGE": str(tmp_path / "nothing")}
    with BlenderWindow(screen, tmp_path / "user", blender_here(), environment, hiding(bridge.home)) as blender:
        blender.do(INSTALL, zip_path=zip_path)
        blender.do(SAME_NAMES)
        token = (bridge.home / "gateway.token").read_text("utf-8")
        blender.do(TUNNEL, address=f"127.0.0.1:{note['port']}", token=token)
        show(blender, scene)
        blender.do(MEASURE_UPDATES)
        yield blender


def longest_update(window: BlenderWindow) -> float:
    return max(window.do("from p2p_render.ui import timer\nanswer = timer.spent"))


def test_a_click_shows_tiles_and_then_the_picture_of_f12(
    photograph: Callable[[str], Path], screen: VirtualScreen, bridge: RealBridge, window: BlenderWindow, tmp_path: Path
) -> None:
    assert window.do(STATE + "answer = bridge_client.is_remote")
    click_render(screen, window)
    window.until(
        STATE
        + "answer = render_handoff.run and 0 < render_handoff.run.progress.chunks_done < render_handoff.run.progress.chunks_total",
        SECONDS,
    )
    rest(1)
    photograph("10-remote-tiles")
    window.until(IDLE, SECONDS)
    rest(1)
    assert window.do(STATE + "answer = render_handoff.failure") is None
    assert longest_update(window) < time_limit(0.016)
    ours = saved_result(window, tmp_path / "ours.png")
    window.do("bpy.ops.render.render('INVOKE_DEFAULT', use_viewport=True)")
    window.until(IDLE, SECONDS)
    assert differing(ours, saved_result(window, tmp_path / "f12.png")) == 0
    assert list((bridge.home / "uploads").iterdir()) == []


def test_the_files_of_an_animation_arrive_while_blender_stays_usable(
    photograph: Callable[[str], Path], bridge: RealBridge, window: BlenderWindow, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    window.do(RENDER_ANIMATION, folder=str(folder))
    assert not window.do("answer = bpy.app.is_job_running('RENDER')")
    window.until(STATE + "answer = notice.text.startswith('Done:')", SECONDS)
    photograph("11-remote-animation-done")
    names = ["shot_01.png", "shot_02.png", "shot_03.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    (job,) = window.do(STATE + "answer = list(bridge_client.jobs)")
    paths = window.do("from p2p_render.render.job_outputs import outputs_of\nanswer = list(outputs_of(job))", job=job)
    assert paths == [str(folder / name) for name in names]
    assert longest_update(window) < time_limit(0.016)
    window.do("bpy.ops.p2p_render.remove(job=job)", job=job)
    window.until(STATE + "answer = not bridge_client.jobs", SECONDS)
    assert list((bridge.home / "uploads").iterdir()) == []


def test_a_wrong_token_is_reported_and_the_right_one_connects(window: BlenderWindow, bridge: RealBridge) -> None:
    window.do(TUNNEL, address="", token="0" * 64)
    window.until(STATE + "answer = not bridge_client.is_ready", SECONDS)
    note = json.loads((bridge.home / "gateway.json").read_text("utf-8"))
    window.do(TUNNEL, address=f"127.0.0.1:{note['port']}", token="0" * 64)
    window.until(STATE + "answer = 'token' in bridge_client.message", SECONDS)
    time.sleep(12)  # of six wrong tokens in a minute the last would shut the door
    window.do(TUNNEL, address=f"127.0.0.1:{note['port']}", token=(bridge.home / "gateway.token").read_text("utf-8"))
    window.until(STATE + "answer = bridge_client.is_ready", SECONDS)
