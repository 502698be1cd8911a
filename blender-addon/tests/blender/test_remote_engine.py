# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine with a real bridge that has another disk: neither sees the other's files, as through a tunnel."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from background_blender import (
    RENDER_FILES,
    SCENES,
    RunBlender,
    assert_same_files,
    assert_same_trees,
    blender,
    file_outputs_and_their_reference,
)
from real_bridge import RealBridge, can_hide, hiding
from time_limit import time_limit


@pytest.fixture(scope="module")
def artist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's files, which the bridge cannot see."""
    folder = tmp_path_factory.mktemp("artist")
    if not can_hide(folder):
        pytest.skip("this system does not let us hide a folder")
    return folder


@pytest.fixture(scope="module")
def bridge(artist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBridge]:
    with RealBridge(tmp_path_factory.mktemp("far"), hidden=artist) as real:
        yield real


@pytest.fixture
def far(artist: Path, bridge: RealBridge, scripts: Path) -> RunBlender:
    """Runs a Blender that cannot see the bridge's home, with the bridge's address and token; returns its output."""
    note = json.loads((bridge.home / "gateway.json").read_text("utf-8"))
    token = (bridge.home / "gateway.token").read_text("utf-8")
    environment = {"BRIDGE_HOME": str(artist / "home"), "P2P_RENDER_BRIDGE": str(artist / "nothing")}

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        before = ("--python-expr", enabled(f"127.0.0.1:{note['port']}", token))
        return blender(*before, *words, scripts=scripts, environment=environment, before=hiding(bridge.home))

    return run


def enabled(address: str, token: str) -> str:
    """Enables the add-on with these preferences."""
    return f"""
import addon_utils, bpy
addon_utils.enable("p2p_render", default_set=True)
own = bpy.context.preferences.addons["p2p_render"].preferences
own.address, own.token = {address!r}, {token!r}
"""


def swarm_words(scene: Path, out: Path, *asked: object) -> tuple[object, ...]:
    return (scene, "-o", out / "ours_####", "-E", "P2P_SWARM", *asked)


def left_of(bridge: RealBridge, artist: Path) -> list[Path]:
    """The uploads and copies that still exist."""
    return [*(bridge.home / "uploads").iterdir(), *(artist / "home").glob("copies/*/*")]


@pytest.mark.parametrize("name", ["compositor-glare", "two-scenes"])
def test_a_frame_equals_that_of_cycles(name: str, far: RunBlender, bridge: RealBridge, artist: Path) -> None:
    folder = artist / name
    scene = SCENES / f"{name}.blend"
    blender(scene, "-o", folder / "ref_####", "-f", "1")
    done = far(*swarm_words(scene, folder, "-f", "1"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_files(folder)
    assert left_of(bridge, artist) == []


MAKE = """
import bpy
from pathlib import Path
folder = Path({folder!r})
for name in ("textures", "library/textures"):
    (folder / name).mkdir(parents=True)

def image(path, colour):
    made = bpy.data.images.new(Path(path).stem, 8, 8)
    made.pixels = [*colour, 1.0] * 64
    made.filepath_raw, made.file_format = str(folder / path), "PNG"
    made.save()
    bpy.data.images.remove(made)

image("textures/wood.png", (0.9, 0.3, 0.1))
image("library/textures/metal.png", (0.1, 0.2, 0.9))

def textured(name, path):
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes = material.node_tree
    texture = nodes.nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.load(str(folder / path))
    nodes.links.new(texture.outputs["Color"], nodes.nodes["Principled BSDF"].inputs["Base Color"])
    return material

def save(path):
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / path), relative_remap=True)
    bpy.ops.file.make_paths_relative()
    bpy.ops.wm.save_mainfile()

bpy.ops.mesh.primitive_monkey_add(location=(-1.5, 0, 0))
prop = bpy.context.object
prop.name = "Prop"
prop.data.materials.append(textured("Metal", "library/textures/metal.png"))
save("library/prop.blend")
bpy.ops.wm.read_factory_settings()
with bpy.data.libraries.load(str(folder / "library/prop.blend"), link=True, relative=False) as (there, wanted):
    wanted.objects = ["Prop"]
bpy.context.scene.collection.objects.link(wanted.objects[0])
bpy.data.objects["Cube"].location.x = 1.5
bpy.data.objects["Cube"].data.materials.clear()
bpy.data.objects["Cube"].data.materials.append(textured("Wood", "textures/wood.png"))
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples, scene.cycles.use_denoising = 4, False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 160, 90, 100
save("main.blend")
"""


@pytest.fixture(scope="module")
def pieces(artist: Path) -> Path:
    """A scene with a texture beside it, and a linked library with a texture of its own."""
    folder = artist / "pieces"
    folder.mkdir()
    done = blender("--python-exit-code", "1", "--python-expr", MAKE.format(folder=str(folder)))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_textures_and_libraries_are_packed_into_the_copy(far: RunBlender, bridge: RealBridge, artist: Path, pieces: Path) -> None:
    blender(pieces / "main.blend", "-o", pieces / "ref_####", "-f", "1")
    blender(pieces / "main.blend", "--python-expr", "import bpy; print(*[image.filepath for image in bpy.data.images])")
    done = far(*swarm_words(pieces / "main.blend", pieces, "-f", "1"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_files(pieces)
    assert left_of(bridge, artist) == []


def test_the_files_of_an_animation_are_downloaded_into_its_own_folder(far: RunBlender, bridge: RealBridge, artist: Path) -> None:
    folder = artist / "animation"
    small = "scene.render.resolution_percentage, scene.frame_start, scene.frame_end = 10, 1, 2"
    code = f"""
import bpy
scene = bpy.context.scene
{small}
scene.render.filepath = {str(folder / "ours_####")!r}
scene.p2p_render.make_video = True
assert bpy.ops.p2p_render.render_animation() == {{"FINISHED"}}
"""
    words = (SCENES / "demo-animation.blend", "--python-exit-code", "1", "--python-expr")
    done = far(*words, code)
    assert done.returncode == 0, done.stdout + done.stderr
    blender(*words[:1], "--python-expr", f"import bpy; scene = bpy.context.scene; {small}", "-o", folder / "ref_####", "-a")
    assert_same_files(folder)
    assert sorted(path.name for path in folder.glob("[!r]*")) == ["demo-animation.mp4", "ours_0001.png", "ours_0002.png"]
    kept = [path.name for path in (bridge.home / "uploads").glob("*/out/*")]
    assert sorted(kept) == ["demo-animation.mp4", "ours_0001.png", "ours_0002.png"]  # until the job is released

    second_blender = f"""
import bpy, time
from p2p_render import preferences
from p2p_render.render.job_history import job_history
from p2p_render.bridge.bridge_client import bridge_client
from p2p_render.render.job_outputs import are_downloading, job_outputs, outputs_of
settings, deadline = preferences.bridge_settings(), time.monotonic() + {time_limit(60)}
names = []
while time.monotonic() < deadline and not (names and outputs_of(names[0]) and not are_downloading(names[0])):
    bridge_client.update(settings)
    job_outputs.update()
    time.sleep(0.05)
    names = [name for name in bridge_client.jobs if job_history.entry(name)]
assert sorted(outputs_of(names[0])) == {[str(folder / name) for name in sorted(kept)]!r}, outputs_of(names[0])
assert bpy.ops.p2p_render.remove(job=names[0]) == {{"FINISHED"}}
while names[0] in bridge_client.jobs:
    bridge_client.update(settings)
    time.sleep(0.05)
"""
    (folder / "ours_0002.png").unlink()
    first = (folder / "ours_0001.png").stat().st_mtime_ns
    done = far(*words, second_blender)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_files(folder)
    assert (folder / "ours_0001.png").stat().st_mtime_ns == first  # what was here was not fetched again
    assert left_of(bridge, artist) == []


def test_the_files_of_file_output_nodes_are_downloaded_to_their_folders(far: RunBlender, bridge: RealBridge, artist: Path) -> None:
    """Also those of File Output nodes, with paths that are relative to the scene."""
    ours, reference = file_outputs_and_their_reference(artist / "places")
    done = far(ours / "shot.blend", "--python-exit-code", "1", "--python-expr", RENDER_FILES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_trees(ours, reference)


def test_files_keep_their_names_and_existing_ones_are_not_overwritten(far: RunBlender, bridge: RealBridge, artist: Path) -> None:
    """Also with an empty name; an existing picture is not overwritten if the scene forbids it."""
    folder = artist / "nameless"
    folder.mkdir()
    (folder / "0002.png").write_bytes(b"kept")
    code = f"""
import bpy
scene = bpy.context.scene
scene.render.resolution_percentage, scene.frame_start, scene.frame_end = 10, 1, 2
scene.render.filepath, scene.render.use_overwrite = {str(folder) + "/"!r}, False
assert bpy.ops.p2p_render.render_animation() == {{"FINISHED"}}
"""
    done = far(SCENES / "demo-animation.blend", "--python-exit-code", "1", "--python-expr", code)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["0001.png", "0002.png"]
    assert (folder / "0002.png").read_bytes() == b"kept"


def test_check_scene_reports_missing_files_and_leaves_no_copy(far: RunBlender, bridge: RealBridge, artist: Path) -> None:
    code = f"""
import bpy, time
from p2p_render import preferences
from p2p_render.scene.scene_check import scene_check
from p2p_render.bridge.bridge_client import bridge_client
from p2p_render.bridge.background_tasks import background_tasks
settings, deadline = preferences.bridge_settings(), time.monotonic() + {time_limit(60)}
image = bpy.data.images.new("gone", 4, 4)
image.source, image.filepath, image.use_fake_user = "FILE", "/home/mia/nowhere/wood.png", True
while not bridge_client.is_ready and time.monotonic() < deadline:
    bridge_client.update(settings)
    time.sleep(0.05)
assert bridge_client.is_remote
assert bpy.ops.p2p_render.check_scene() == {{"FINISHED"}}
while scene_check.is_running and time.monotonic() < deadline:
    bridge_client.update(settings)
    background_tasks.update()
    time.sleep(0.05)
text = " ".join(finding.message for finding in scene_check.findings_for(bpy.context.scene.name))
assert "/home/mia/nowhere/wood.png" in text or "wood.png" in text, text
"""
    before = left_of(bridge, artist)
    done = far(SCENES / "compositor-glare.blend", "--python-exit-code", "1", "--python-expr", code)
    assert done.returncode == 0, done.stdout + done.stderr
    assert left_of(bridge, artist) == before


def test_without_the_tunnel_there_is_a_message_and_no_bridge_is_started(artist: Path, scripts: Path) -> None:
    words = swarm_words(SCENES / "compositor-glare.blend", artist / "none", "-f", "1")
    environment = {"BRIDGE_HOME": str(artist / "home")}
    done = blender("--python-expr", enabled("127.0.0.1:9", "t"), *words, scripts=scripts, environment=environment)
    assert done.returncode != 0
    assert "is the tunnel open" in done.stdout + done.stderr
    assert not (artist / "home" / "gateway.json").exists()
