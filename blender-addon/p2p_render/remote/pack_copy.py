# SPDX-License-Identifier: GPL-2.0-or-later
"""Run by a background Blender that has opened a copy of a scene: packs the files that the scene reads into it, and saves it.

What Blender cannot pack (image sequences, movies, caches, missing files) keeps its path on the artist's computer, and the bridge
reports it by that path. Libraries are packed, too, after the textures, fonts and sounds of linked data were packed into them.
File Output nodes get folders beside the scene; their former folders are saved in folders.json beside the copy.
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

# This script is run by its path, outside of any package.
PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])
sys.path.insert(0, PACKAGE_PARENT)
from p2p_render.scene import output_paths  # noqa: E402

sys.path.remove(PACKAGE_PARENT)

KINDS = ("images", "fonts", "sounds")
# Blocks as (kind, name).
Blocks = set[tuple[str, str]]


def attempt(operation: Callable[..., Any], **options: object) -> bool:
    """Blender reports errors of single files, which must not stop the rest. True on success."""
    try:
        operation(**options)
    except RuntimeError as error:
        print(error)
        return False
    return True


def blocks_with_files() -> dict[str, Blocks]:
    """Linked blocks that read files of their own, by the path of their library."""
    found: dict[str, Blocks] = {}
    for kind in KINDS:
        for block in getattr(bpy.data, kind):
            if block.library and not block.packed_file and block.filepath not in {"", "<builtin>"}:
                found.setdefault(path_of(block.library), set()).add((kind, block.name))
    return found


def path_of(library: bpy.types.Library) -> str:
    return bpy.path.abspath(library.filepath, library=library.parent)


def save_packed_library(library: str, blocks: Blocks, target: Path) -> bool:
    """A copy of a library with these blocks packed; it is saved elsewhere, so its own paths are made absolute."""
    if not Path(library).is_file() or not attempt(bpy.ops.wm.open_mainfile, filepath=library, load_ui=False):
        return False
    for kind, name in blocks:
        block = getattr(bpy.data, kind).get(name)
        if block is not None and not block.library and not block.packed_file:
            attempt(block.pack)
    attempt(bpy.ops.file.make_paths_absolute)
    target.parent.mkdir(parents=True)
    return attempt(bpy.ops.wm.save_as_mainfile, filepath=str(target), copy=True, relative_remap=False, check_existing=False)


def relative_path(path: Path, fallback: Path) -> str:
    """Relative to the copy; a file on another drive of Windows is copied to `fallback` first."""
    try:
        return bpy.path.relpath(str(path))
    except ValueError:
        fallback.parent.mkdir(parents=True)
        if path.is_file():
            shutil.copyfile(path, fallback)
        return bpy.path.relpath(str(fallback))


def pack_libraries(packed: dict[str, Path], folder: Path) -> None:
    """Blender packs libraries with relative paths only, so each gets one meanwhile: its own, or that of its packed copy."""
    before = {library.name: path_of(library) for library in bpy.data.libraries}
    for number, library in enumerate(bpy.data.libraries):
        path = packed.get(before[library.name], Path(before[library.name]))
        library.filepath = relative_path(path, folder / f"drive-{number}" / path.name)
    attempt(bpy.ops.file.pack_libraries)
    for library in bpy.data.libraries:
        library.filepath = before[library.name]


def redirect_file_outputs(folders_file: Path) -> None:
    """To numbered folders below the scene's own output, so that every file can be sent back to its place."""
    folders: list[str] = []
    for node in output_paths.file_output_nodes():
        name, path = output_paths.file_name_of(node), getattr(node, output_paths.path_property(node))
        setattr(node, output_paths.path_property(node), f"//out/folder-{len(folders)}/{name}")
        folders.append(bpy.path.abspath(path[: len(path) - len(name)]))
    folders_file.write_text(json.dumps(folders), "utf-8")


def main() -> None:
    copy = bpy.data.filepath
    folder = Path(copy).parent / "libraries"
    packed = {}
    for number, (library, blocks) in enumerate(sorted(blocks_with_files().items())):
        target = folder / str(number) / Path(library).name
        if save_packed_library(library, blocks, target):
            packed[library] = target
    if bpy.data.filepath != copy:
        bpy.ops.wm.open_mainfile(filepath=copy, load_ui=False)
    attempt(bpy.ops.file.pack_all)
    pack_libraries(packed, folder)
    attempt(bpy.ops.file.make_paths_absolute)
    redirect_file_outputs(Path(copy).parent / "folders.json")
    preferences = bpy.context.preferences
    assert preferences is not None  # Blender always has some
    preferences.filepaths.save_version = 0
    bpy.ops.wm.save_mainfile(compress=False)


main()
