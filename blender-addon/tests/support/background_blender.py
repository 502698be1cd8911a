# SPDX-License-Identifier: GPL-2.0-or-later
"""Blender without a window, and the comparison of its pictures with those of the swarm."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from blender_window import blender_here, plain_environment
from real_bridge import PROJECT
from time_limit import time_limit

SCENES = PROJECT / "sample-scenes"
# Runs Blender with these arguments.
RunBlender = Callable[..., subprocess.CompletedProcess[str]]


def blender(
    *words: object, scripts: Path | None = None, environment: dict[str, str] | None = None, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    own = {"BLENDER_USER_SCRIPTS": str(scripts), "BLENDER_USER_CONFIG": str(scripts / "config")} if scripts else {}
    return subprocess.run(
        [*before, blender_here(), "-b", "--factory-startup", *map(str, words)],
        env={**plain_environment(), **own, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=time_limit(300),
        check=False,
    )


def assert_same_files(folder: Path) -> None:
    """Each reference picture equals ours: 0 differing values."""
    references = sorted(folder.glob("ref_*"))
    assert references
    for reference in references:
        ours = folder / reference.name.replace("ref_", "ours_")
        done = subprocess.run(
            ["idiff", "-a", "-warn", "0", "-fail", "0", str(reference), str(ours)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def pictures_below(folder: Path) -> list[str]:
    """Every file but the scene's own, by its path below the folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and ".blend" not in path.name)


def file_outputs_and_their_reference(folder: Path) -> tuple[Path, Path]:
    """A scene whose output and File Output nodes are relative to its file, and in another folder Blender's own pictures of it."""
    small = "scene.render.resolution_percentage, scene.frame_start, scene.frame_end = 50, 1, 2"
    for name in ("ours", "reference"):
        (folder / name).mkdir(parents=True)
        path = folder / name / "shot.blend"
        blender(
            SCENES / "file-output.blend",
            "--python-expr",
            f"import bpy; scene = bpy.context.scene; {small}; bpy.ops.wm.save_as_mainfile(filepath={str(path)!r}, relative_remap=False)",
        )
    blender(folder / "reference" / "shot.blend", "-a")
    assert len(pictures_below(folder / "reference")) > 4
    return folder / "ours", folder / "reference"


def assert_same_trees(ours: Path, reference: Path) -> None:
    assert pictures_below(ours) == pictures_below(reference)
    for name in pictures_below(reference):
        done = subprocess.run(
            ["idiff", "-a", "-warn", "0", "-fail", "0", str(reference / name), str(ours / name)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


RENDER_FILES = 'import bpy; assert bpy.ops.p2p_render.render_animation() == {"FINISHED"}; assert not bpy.data.is_dirty'
