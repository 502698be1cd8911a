# SPDX-License-Identifier: GPL-2.0-or-later
"""The zip, as it is shipped."""

import ast
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import build_zip

ROOT = Path(build_zip.__file__).resolve().parent


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = subprocess.run(
        [sys.executable, str(ROOT / "build_zip.py"), str(tmp_path_factory.mktemp("zip"))],
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.splitlines()[-1])


def test_the_last_line_of_the_output_is_the_path_of_the_zip(zipped: Path) -> None:
    assert zipfile.is_zipfile(zipped)


def test_the_same_sources_make_the_same_bytes(zipped: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "build_zip.py"), str(tmp_path)], capture_output=True, check=True)
    assert (tmp_path / zipped.name).read_bytes() == zipped.read_bytes()


def test_the_zip_has_one_folder_with_everything_that_blender_needs(zipped: Path) -> None:
    names = zipfile.ZipFile(zipped).namelist()
    assert {name.split("/")[0] for name in names} == {"p2p_render"}
    assert {
        "p2p_render/__init__.py",
        "p2p_render/blender_manifest.toml",
        "p2p_render/LICENSE",
        "p2p_render/finishing/assembled_engine.py",
    } <= set(names)
    assert not [name for name in names if "__pycache__" in name]


def test_the_manifest_lists_the_wheels_and_each_has_its_licence(zipped: Path) -> None:
    archive = zipfile.ZipFile(zipped)
    manifest = archive.read("p2p_render/blender_manifest.toml").decode()
    named = re.findall(r'"\./(wheels/[^"]+)"', manifest)
    there = [name.removeprefix("p2p_render/") for name in archive.namelist() if name.endswith(".whl")]
    assert named == there
    for wheel in there:
        with archive.open(f"p2p_render/{wheel}") as inner:
            assert [name for name in zipfile.ZipFile(inner).namelist() if name.endswith("LICENSE")]


def test_version_and_name_agree_everywhere(zipped: Path) -> None:
    archive = zipfile.ZipFile(zipped)
    manifest = archive.read("p2p_render/blender_manifest.toml").decode()
    tree = ast.parse(archive.read("p2p_render/__init__.py").decode())
    (info,) = (ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign))
    (version,) = re.findall(r'^version = "([^"]+)"', manifest, re.MULTILINE)
    assert ".".join(map(str, info["version"])) == version
    assert f'VERSION = "{version}"' in archive.read("p2p_render/constants.py").decode()
    assert f'name = "{info["name"]}"' in manifest


def test_the_texts_of_the_manifest_are_within_the_limits_of_blender(zipped: Path) -> None:
    manifest = zipfile.ZipFile(zipped).read("p2p_render/blender_manifest.toml").decode()
    texts = re.findall(r'^(?:tagline|network|files) = "([^"]+)"', manifest, re.MULTILINE)
    assert len(texts) == 3
    assert all(len(text) <= 64 and text[-1].isalnum() for text in texts)


def test_shared_modules_import_each_other_from_the_package(zipped: Path) -> None:
    archive = zipfile.ZipFile(zipped)
    text = archive.read("p2p_render/finishing/assembled_engine.py").decode()
    assert "from . import assembled_exr" in text
    assert not re.search(r"^import assembled_", text, re.MULTILINE)


PACKAGE = ROOT / "p2p_render"
WITHOUT_BPY = [*sorted((PACKAGE / "bridge").rglob("*.py")), *sorted((PACKAGE / "remote").rglob("*.py"))]
WITHOUT_BPY += [
    PACKAGE / path
    for path in ("formatting.py", "scene/preflight.py", "render/swarm_run.py", "render/render_handoff.py", "render/job_history.py")
]


@pytest.mark.parametrize("path", [path for path in WITHOUT_BPY if path.name != "pack_copy.py"], ids=lambda path: path.stem)
def test_modules_that_plain_python_tests_do_not_import_bpy(path: Path) -> None:
    assert not re.search(r"^\s*(import|from) bpy", path.read_text("utf-8"), re.MULTILINE)


def test_no_folder_of_the_package_has_more_than_fifteen_modules() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert {folder.name: len(list(folder.glob("*.py"))) for folder in folders if len(list(folder.glob("*.py"))) > 15} == {}
