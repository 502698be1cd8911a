# SPDX-License-Identifier: GPL-2.0-or-later

from dataclasses import replace
from typing import Any

import pytest
from fake_bridge import golden

from p2p_render.bridge.job_submission import SceneSettings
from p2p_render.bridge.wire import generated, messages
from p2p_render.scene.preflight import ERROR, INFO, WARNING, SceneFacts, check

FINE = SceneFacts(engine="CYCLES", has_camera=True, build_hash="deadbeef", version="3.4.1")


def swarm(peers_builds: tuple[str, ...] | list[str] = (), own: str = "deadbeef") -> generated.SwarmStatus:
    status = messages.parse_result("swarm.status", golden("reply.swarm.status")["result"])
    peer = status.peers[0]
    peers = tuple(replace(peer, builds=(generated.OfferedBuild("3.4.1", build, "CPU"),)) for build in peers_builds)
    return replace(
        status,
        peers=peers,
        this_computer=replace(status.this_computer, blenders=(generated.LocalBuild("3.4.1", own, "/usr/bin/blender"),)),
    )


def test_a_scene_without_problems_has_no_findings() -> None:
    assert check(FINE, swarm(["deadbeef"]), SceneSettings()) == []


@pytest.mark.parametrize(
    ("changes", "level", "word", "fix"),
    [
        ({"has_camera": False}, ERROR, "no camera", "p2p_render.fix_camera"),
        ({"has_camera": False, "cameras": ("Cam",)}, ERROR, "no active camera", "p2p_render.fix_camera"),
        ({"engine": "BLENDER_EEVEE"}, WARNING, "cannot render tiles", "p2p_render.fix_engine"),
        ({"missing_files": ("a.png", "b", "c", "d")}, WARNING, "a.png, b, c and more", "p2p_render.fix_missing_files"),
        ({"unsaved_images": ("paint",)}, WARNING, "paint", "p2p_render.fix_unsaved_images"),
        ({"is_saved": False}, WARNING, "never saved", "p2p_render.fix_save"),
        ({"is_dirty": True}, INFO, "unsaved changes", "p2p_render.fix_save"),
        ({"is_denoised": True, "can_denoise": False}, ERROR, "without the denoiser", "p2p_render.fix_denoising"),
        ({"is_denoised": True}, INFO, "whole frames", "p2p_render.fix_denoising"),
        ({"uses_freestyle": True}, INFO, "Freestyle", None),
    ],
)
def test_each_problem_has_a_message_and_the_operator_that_fixes_it(
    changes: dict[str, Any], level: str, word: str, fix: str | None
) -> None:
    (finding,) = check(replace(FINE, **changes), swarm(["deadbeef"]), SceneSettings())
    assert (finding.level, finding.fix) == (level, fix)
    assert word in finding.message
    assert bool(finding.label) == bool(fix)


@pytest.mark.parametrize(
    ("status", "settings", "level", "word"),
    [
        (swarm(["other"]), SceneSettings(), WARNING, "No peer has this Blender"),
        (swarm(["other"]), SceneSettings(local=False), ERROR, "Nobody can render"),
        (swarm([]), SceneSettings(local=False), ERROR, "Nobody can render"),
    ],
)
def test_a_swarm_without_this_blender_is_reported(status: Any, settings: SceneSettings, level: str, word: str) -> None:
    (finding,) = check(FINE, status, settings)
    assert finding.level == level
    assert word in finding.message


def test_a_scene_that_stays_on_this_computer_needs_no_peers() -> None:
    assert check(FINE, swarm(["other"]), SceneSettings(donors="LOCAL")) == []


def test_a_blender_without_a_hash_is_recognised_by_its_path() -> None:
    facts = replace(FINE, build_hash="Unknown", program="/usr/bin/blender")
    assert check(facts, swarm(["abc"], own="abc"), SceneSettings()) == []
    assert check(facts, swarm(["abc"], own="def"), SceneSettings())[0].level == WARNING


def test_the_worst_finding_comes_first() -> None:
    facts = replace(FINE, has_camera=False, is_dirty=True, missing_files=("a",))
    assert [finding.level for finding in check(facts, None, SceneSettings())] == [ERROR, WARNING, INFO]
