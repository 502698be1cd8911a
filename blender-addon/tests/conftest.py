# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests run on the package as it is shipped: assembled once, from the same sources."""

import sys
import tempfile
from pathlib import Path

import pytest

ADDON = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ADDON))
sys.path.insert(0, str(ADDON / "tests"))

import build_zip  # noqa: E402

_scratch = tempfile.TemporaryDirectory(prefix="p2p-render-tests-")
sys.path.insert(0, str(build_zip.assemble(_scratch.name).parent))

from p2p_render import vendored  # noqa: E402

vendored.make_importable()


@pytest.fixture
def fake(tmp_path):
    """A bridge that tests lead by the hand, listening on a real socket."""
    from fake_bridge import FakeBridge

    with FakeBridge(tmp_path / "home") as bridge:
        yield bridge
