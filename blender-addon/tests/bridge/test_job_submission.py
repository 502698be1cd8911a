# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from p2p_render.bridge.job_submission import SavedScene, SceneSettings, animation_raw, files, peers_of, still, tiles_of

SCENE = SavedScene(
    "/copy/lamp.blend", "/home/mia/lamp.blend", "lamp, frame 3", "Scene", None, False, "/home/mia", "/usr/bin/blender"
)


@pytest.mark.parametrize(
    ("settings", "peers"),
    [
        (SceneSettings(), "all"),
        (SceneSettings(donors="LOCAL", listed=("a",)), []),
        (SceneSettings(donors="LISTED", listed=("a", "b")), ["a", "b"]),
        (SceneSettings(donors="LISTED", listed=("a", "b"), allowed=("b", "c")), ["b"]),
        (SceneSettings(donors="ALL", allowed=("b", "c")), ["b", "c"]),
        (SceneSettings(donors="LISTED"), []),
    ],
)
def test_only_allowed_peers_may_render(settings: SceneSettings, peers: object) -> None:
    assert peers_of(settings) == peers


def test_a_scene_that_stays_on_this_computer_is_rendered_by_it() -> None:
    assert still(SCENE, SceneSettings(donors="LOCAL", local=False))["local"] is True
    assert still(SCENE, SceneSettings(local=False))["local"] is False


@pytest.mark.parametrize(("tiles", "expected"), [("AUTO", "auto"), ("OFF", "off"), ("GRID", "4x3")])
def test_tiles_are_spelled_as_the_bridge_expects(tiles: str, expected: str) -> None:
    assert tiles_of(SceneSettings(tiles=tiles, columns=4, rows=3)) == expected


def test_a_still_delivers_raw_pixels_and_an_animation_files() -> None:
    assert still(SCENE, SceneSettings())["deliver"] == "raw"
    assert animation_raw(SCENE, SceneSettings())["tiles"] is None
    submission = files(SCENE, SceneSettings(), "/home/mia/lamp.mp4")
    assert (submission["deliver"], submission["video"], submission["cwd"], submission["owned"]) == (
        "files",
        "/home/mia/lamp.mp4",
        "/home/mia",
        True,
    )
    assert "video" not in files(SCENE, SceneSettings())


def test_a_title_is_cut_to_the_limit_of_the_bridge() -> None:
    submission = still(SavedScene("/c", None, "x" * 900, "S", None, False, None, None), SceneSettings())
    assert submission["title"] == "x" * 256
