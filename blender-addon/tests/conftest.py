# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests run on the package as it is shipped: assembled once, from the same sources."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ADDON = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ADDON), str(ADDON / "tests" / "support")]

import build_zip  # noqa: E402

_scratch = tempfile.TemporaryDirectory(prefix="p2p-render-tests-")
sys.path.insert(0, str(build_zip.assemble(_scratch.name).parent))

from p2p_render import vendored  # noqa: E402

vendored.make_importable()

# After the wheels: it needs one of them.
from fake_bridge import FakeBridge  # noqa: E402
from remote_clients import Owner  # noqa: E402

pytest_plugins = ["blender_fixtures"]


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeBridge]:
    """A bridge whose answers the test decides, listening on a real socket."""
    with FakeBridge(tmp_path / "home") as bridge:
        yield bridge


@pytest.fixture
def remote(fake: FakeBridge) -> FakeBridge:
    """The fake bridge as through a tunnel: its home is on no disk of ours."""
    fake.named_home = Path("/nowhere/p2p-render")
    return fake


@pytest.fixture
def owner() -> Owner:
    """The owner of a client, or the display of a run."""
    return Owner()
