# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of files of other computers."""

import pytest

from p2p_render.bridge.file_names import name_of, portable_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/lamp.blend", "lamp.blend"),
        ("/a/a:b?.blend", "a_b_.blend"),
        ("C:\\a\\lamp.blend", "lamp.blend"),
        ("/a/old.blend1", "old.blend1.blend"),
    ],
)
def test_portable_names_are_accepted_by_every_system(path: str, name: str) -> None:
    assert portable_name(path) == name
    assert len(portable_name("/" + "ä" * 300 + ".blend").encode()) <= 255


def test_the_name_is_found_in_paths_of_any_system() -> None:
    assert [name_of(path) for path in ("/out/f_1.png", "C:\\out\\f_1.png", "C:/out/f_1.png")] == ["f_1.png"] * 3
