# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the tests that run Blender. Pictures of the screen are kept in .reports/window/."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blender_window import VirtualScreen, blender_here, plain_environment
from real_bridge import PROJECT

import build_zip

PICTURES = PROJECT / ".reports" / "window"


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Blender finds the add-on, as installed."""
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "addons").mkdir()
    build_zip.assemble(folder / "addons")
    return folder


@pytest.fixture(scope="module")
def zip_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("zip")
    build_zip.main([str(folder)])
    return str(next(folder.glob("*.zip")))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Small, and slow enough that its tiles can be seen arriving: a window drawn in software may take seconds per screenshot."""
    path = tmp_path_factory.mktemp("scene") / "still.blend"
    code = f"""
import bpy
scene = bpy.context.scene
scene.render.resolution_percentage, scene.cycles.samples = 40, 128
scene.frame_start, scene.frame_end = 1, 3
bpy.ops.wm.save_as_mainfile(filepath={str(path)!r})
"""
    words = ["-b", str(PROJECT / "sample-scenes" / "demo-still.blend"), "--python-expr", code]
    subprocess.run([blender_here(), *words], env=plain_environment(), check=True, capture_output=True)
    return str(path)


@pytest.fixture(scope="module")
def screen() -> Iterator[VirtualScreen]:
    with VirtualScreen() as one:
        yield one


@pytest.fixture
def photograph(screen: VirtualScreen, tmp_path: Path) -> Callable[[str], Path]:
    """Saves a screenshot for later inspection."""

    def take(name: str) -> Path:
        picture = screen.picture(tmp_path / f"{name}.png")
        PICTURES.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, PICTURES)
        return picture

    return take
