# SPDX-License-Identifier: GPL-2.0-or-later
"""`blender -b scene.blend -E P2P_SWARM -f 1` with a real bridge, beside Cycles' own frame."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from blender_window import blender_here, plain_environment
from real_bridge import PROJECT, RealBridge, stop_serving

import build_zip

SCENES = PROJECT / "sample-scenes"


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """A folder in which Blender finds the add-on, as installed."""
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "addons").mkdir()
    build_zip.assemble(folder / "addons")
    return folder


@pytest.fixture(scope="module")
def bridge(tmp_path_factory):
    with RealBridge(tmp_path_factory.mktemp("bridge")) as real:
        yield real


def blender(*words, scripts=None, environment=None, before=()):
    own = {"BLENDER_USER_SCRIPTS": str(scripts), "BLENDER_USER_CONFIG": str(scripts / "config")} if scripts else {}
    return subprocess.run(
        [*before, blender_here(), "-b", "--factory-startup", *map(str, words)],
        env={**plain_environment(), **own, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def swarm_words(scene, out, *asked):
    """As an artist types it; --addons stands for an add-on that is enabled in the preferences."""
    return ("--addons", "p2p_render", scene, "-o", out / "ours_####", "-E", "P2P_SWARM", *asked)


def assert_same_files(folder):
    """Every picture of Blender's has its equal: 0 differing values."""
    references = sorted(folder.glob("ref_*"))
    assert references
    for reference in references:
        ours = folder / reference.name.replace("ref_", "ours_")
        done = subprocess.run(
            ["idiff", "-a", "-warn", "0", "-fail", "0", str(reference), str(ours)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name", ["layers-cryptomatte", "compositor-glare", "border-motion", "stereo-multilayer", "freestyle", "two-scenes"]
)
def test_one_frame_is_cycles_own(name, scripts, bridge, tmp_path):
    scene = SCENES / f"{name}.blend"
    blender(scene, "-o", tmp_path / "ref_####", "-f", "1")
    done = blender(*swarm_words(scene, tmp_path, "-f", "1"), scripts=scripts, environment=bridge.environment)
    assert done.returncode == 0, done.stdout
    assert_same_files(tmp_path)


def test_an_animation_is_cycles_own(scripts, bridge, tmp_path):
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


def test_a_script_gets_the_animations_files(scripts, bridge, tmp_path):
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


def pictures_below(folder):
    """Every file but the scene's own, by its path below the folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and ".blend" not in path.name)


def file_outputs_and_their_reference(folder):
    """A scene whose output and File Output nodes are relative to its file; what Blender itself makes of it, elsewhere."""
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


def assert_same_trees(ours, reference):
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


def test_files_come_where_paths_that_are_relative_to_the_scene_lead(scripts, bridge, tmp_path):
    ours, reference = file_outputs_and_their_reference(tmp_path)
    words = ("--addons", "p2p_render", ours / "shot.blend", "--python-exit-code", "1", "--python-expr", RENDER_FILES)
    done = blender(*words, scripts=scripts, environment=bridge.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_trees(ours, reference)


def test_the_bridge_is_started_where_none_runs(scripts, tmp_path):
    scene = SCENES / "compositor-glare.blend"
    environment = {"BRIDGE_HOME": str(tmp_path / "home"), "P2P_RENDER_BRIDGE": str(PROJECT), "PATH": os.environ["PATH"]}
    node = Path(shutil.which("node")).parent
    environment["PATH"] = f"{plain_environment()['PATH']}:{node}"
    try:
        done = blender(*swarm_words(scene, tmp_path, "-f", "1"), scripts=scripts, environment=environment)
        assert done.returncode == 0, done.stdout
        assert (tmp_path / "ours_0001.png").exists()
    finally:
        stop_serving(tmp_path / "home")


def test_without_a_bridge_there_is_a_sentence_an_exit_code_and_no_picture(scripts, tmp_path):
    environment = {"BRIDGE_HOME": str(tmp_path / "home"), "P2P_RENDER_BRIDGE": str(tmp_path / "nothing")}
    done = blender(*swarm_words(SCENES / "compositor-glare.blend", tmp_path, "-f", "1"), scripts=scripts, environment=environment)
    assert done.returncode != 0
    assert "choose its place in the add-on's preferences" in done.stdout + done.stderr
    assert not list(tmp_path.glob("ours_*"))


def test_what_the_bridge_refuses_is_a_sentence_and_no_picture(scripts, bridge, tmp_path):
    scene = tmp_path / "none.blend"
    code = f"import bpy; bpy.data.objects.remove(bpy.data.objects['Camera']); bpy.context.scene.render.engine = 'CYCLES'; bpy.ops.wm.save_as_mainfile(filepath={str(scene)!r})"
    blender("--python-expr", code)
    done = blender(*swarm_words(scene, tmp_path, "-f", "1"), scripts=scripts, environment=bridge.environment)
    assert done.returncode != 0
    assert "camera" in (done.stdout + done.stderr).lower()
    assert not list(tmp_path.glob("ours_*"))
