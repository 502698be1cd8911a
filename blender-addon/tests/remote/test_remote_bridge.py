# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths of outputs on both computers."""

import pytest

from p2p_render.remote import remote_bridge

UPLOADED = "C:\\p2p\\uploads\\7f\\shot.blend"


@pytest.mark.parametrize(
    ("output", "place"),
    [
        ("C:\\p2p\\uploads\\7f\\out\\a_01.png", "/film/a_01.png"),
        ("C:/p2p/uploads/7f/out/left/a_01.png", "/film/left/a_01.png"),
        ("C:\\p2p\\uploads\\7f\\out\\folder-1\\z\\z_01.exr", "/masks/z/z_01.exr"),
        ("C:\\p2p\\uploads\\7f\\out\\folder-0\\z_01.exr", "/parts/z_01.exr"),
        ("C:\\p2p\\uploads\\7f\\out\\folder-2\\z_01.exr", None),
        ("C:\\p2p\\uploads\\8e\\out\\a_01.png", None),
        ("C:\\p2p\\uploads\\7f\\out\\..\\a_01.png", None),
        ("C:\\p2p\\uploads\\7f\\out\\", None),
        ("C:\\p2p\\uploads\\7f\\out\\D:\\a_01.png", None),
        ("/home/mia/elsewhere/a_01.png", None),
    ],
)
def test_an_output_is_written_below_the_folders_of_the_scene_only(output: str, place: str | None) -> None:
    assert remote_bridge.local_path_of(output, UPLOADED, "/film", ("/parts", "/masks")) == place


@pytest.mark.parametrize(
    ("template", "output"),
    [
        ("//render/shot_####", "out/shot_####"),
        ("/tmp/", "out/"),
        ("C:\\films\\a_##.png", "out/a_##.png"),
        ("shot", "out/shot"),
        ("", "out/"),
    ],
)
def test_the_output_path_keeps_its_name_and_gets_another_folder(template: str, output: str) -> None:
    assert remote_bridge.with_output_folder({"scenePath": "/s"}, template) == {"scenePath": "/s", "output": output}
    assert remote_bridge.with_output_folder({"video": "/home/mia/films/lamp.mp4"}, template)["video"] == "out/lamp.mp4"
