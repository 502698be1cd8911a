# SPDX-License-Identifier: GPL-2.0-or-later
"""Which Blender builds are the same."""

import pytest

from p2p_render.bridge.blender_build import LocalBlender, is_same_build
from p2p_render.bridge.wire import generated


@pytest.mark.parametrize(("own", "same"), [("Unknown", True), ("0123456789ab", True), ("fedcba987654", False), ("", True)])
def test_a_blender_is_compared_by_its_hash_if_it_has_one(own: str, same: bool) -> None:
    assert is_same_build(LocalBlender("/b", "4.2.1", own), generated.OfferedBuild("4.2.1", "0123456789ab", "CPU")) is same
    assert not is_same_build(LocalBlender("/b", "4.2.2", own), generated.OfferedBuild("4.2.1", "0123456789ab", "CPU"))
