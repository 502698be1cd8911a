# SPDX-License-Identifier: GPL-2.0-or-later
"""`blender -b scene.blend -E P2P_SWARM -f 1` with a real bridge, compared with Cycles' own frame."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from background_blender import RENDER_FILES, SCENES, assert_same_files, assert_same_trees, blender, file_outputs_and_their_reference
from blender_window import plain_environment
from real_bridge import PROJECT, RealBridge, stop_serving


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBridge]:
    with RealBridge(tmp_path_factory.mktemp("bridge")) as real:
        yield real


def swarm_words(scene: Path, out: Path, *asked: object) -> tuple[object, ...]:
    """The command line of a user; --addons replaces enabling the add-on in the preferences."""
    return ("--addons", "p2p_render", scene, "-o", out / "ours_####", "-E", "P2P_SWARM", *asked)


@pytest.mark.parametrize(
    "name", ["layers-cryptomatte", "compositor-glare", "border-motion", "stereo-multilayer", "freestyle", "two-scenes"]
)
def test_a_frame_equals_that_of_cycles(name: str, scripts: Path, bridge: RealBridge, tmp_path: Path) -> None:
    scene = SCENES / f"{name}.blend"
    blender(scene, "-o", tmp_path / "ref_####", "-f", "1")
    done = blender(*swarm_words(scene, tmp_path, "-f", "1"), scripts=scripts, environment=bridge.environment)
    assert done.returncode == 0, done.stdout
    assert_same_files(tmp_path)


def test_an_animation_equals_that_of_cycles(scripts: Path, bridge: RealBridge, tmp_path: Path) -> None:
    scene = SCENES / "demo-animation.blend"
    small = tmp_path / "small.blend"
    blender(
        scene,
        "--python-expr",
        f"import bpy; bpy.context.scene.render.resolution_percentage = 10; bpy.ops.wm.save_as_mainfile(filepath={str(small)!r})",
    )
    blender(small, "-s", "1", "-e", "3", "-o", tmp_path / "ref_####", "-a")
    # -s and -e come before -a, and -E before it, as with Blender's own engines.
    done = blender(
        "--addons",
        "p2p_render",
        small,
        "-s",
        "1",
        "-e",
        "3",
        "-o",
        tmp_path / "ours_####",
        "-E",
        "P2P_SWARM",
        "-a",
        scripts=scripts,
        environment=bridge.environment,
    )
    assert done.returncode == 0, done.stdout
    assert len(list(tmp_path.glob("ours_*"))) == 3
    assert_same_files(tmp_path)


def test_a_script_gets_the_files_of_an_animation(scripts: Path, bridge: RealBridge, tmp_path: Path) -> None:
    code = f"""
import bpy
scene = bpy.context.scene
scene.render.resolution_percentage, scene.frame_start, scene.frame_end = 10, 1, 2
scene.render.filepath = {str(tmp_path / "shot_##")!r}
assert bpy.ops.p2p_render.render_animation() == {{"FINISHED"}}
"""
    words = ("--addons", "p2p_render", SCENES / "demo-animation.blend", "--python-exit-code", "1", "--python-expr", code)
    done = blender(*words, scripts=scripts, environment=bridge.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.stem for path in tmp_path.glob("shot_*")) == ["shot_01", "shot_02"]


def test_relative_output_paths_are_relative_to_the_scene_and_not_to_its_copy(
    scripts: Path, bridge: RealBridge, tmp_path: Path
) -> None:
    ours, reference = file_outputs_and_their_reference(tmp_path)
    words = ("--addons", "p2p_render", ours / "shot.blend", "--python-exit-code", "1", "--python-expr", RENDER_FILES)
    done = blender(*words, scripts=scripts, environment=bridge.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_trees(ours, reference)


def test_starts_a_bridge_if_none_is_running(scripts: Path, tmp_path: Path) -> None:
    scene = SCENES / "compositor-glare.blend"
    environment = {"BRIDGE_HOME": str(tmp_path / "home"), "P2P_RENDER_BRIDGE": str(PROJECT), "PATH": os.environ["PATH"]}
    node = Path(shutil.which("node") or "node").parent
    environment["PATH"] = f"{plain_environment()['PATH']}:{node}"
    try:
        done = blender(*swarm_words(scene, tmp_path, "-f", "1"), scripts=scripts, environment=environment)
        assert done.returncode == 0, done.stdout
        assert (tmp_path / "ours_0001.png").exists()
    finally:
        stop_serving(tmp_path / "home")


def test_without_a_bridge_fails_with_a_message_an_exit_code_and_no_picture(scripts: Path, tmp_path: Path) -> None:
    environment = {"BRIDGE_HOME": str(tmp_path / "home"), "P2P_RENDER_BRIDGE": str(tmp_path / "nothing")}
    done = blender(*swarm_words(SCENES / "compositor-glare.blend", tmp_path, "-f", "1"), scripts=scripts, environment=environment)
    assert done.returncode != 0
    assert "set its path in the add-on's preferences" in done.stdout + done.stderr
    assert not list(tmp_path.glob("ours_*"))


def test_an_error_of_the_bridge_is_shown_and_makes_no_picture(scripts: Path, bridge: RealBridge, tmp_path: Path) -> None:
    scene = tmp_path / "none.blend"
    code = f"import bpy; bpy.data.objects.remove(bpy.data.objects['Camera']); bpy.context.scene.render.engine = 'CYCLES'; bpy.ops.wm.save_as_mainfile(filepath={str(scene)!r})"
    blender("--python-expr", code)
    done = blender(*swarm_words(scene, tmp_path, "-f", "1"), scripts=scripts, environment=bridge.environment)
    assert done.returncode != 0
    assert "camera" in (done.stdout + done.stderr).lower()
    assert not list(tmp_path.glob("ours_*"))
