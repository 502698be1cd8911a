# SPDX-License-Identifier: GPL-2.0-or-later
"""Packing a copy, with fake programs instead of Blender."""

import sys
from pathlib import Path

import pytest

from p2p_render.bridge.blocking_client import Interrupted, OperationFailed
from p2p_render.remote import self_contained


def test_a_failure_to_pack_is_reported_and_packing_can_be_stopped(tmp_path: Path) -> None:
    with pytest.raises(OperationFailed, match="cannot be started"):
        self_contained.make_self_contained(str(tmp_path / "none"), str(tmp_path / "s.blend"), lambda: False)
    program = tmp_path / "blender"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint('it broke')\nsys.exit(1)\n")
    program.chmod(0o755)
    with pytest.raises(OperationFailed, match="it broke"):
        self_contained.make_self_contained(str(program), str(tmp_path / "s.blend"), lambda: False)
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    with pytest.raises(Interrupted):
        self_contained.make_self_contained(str(program), str(tmp_path / "s.blend"), lambda: True)
