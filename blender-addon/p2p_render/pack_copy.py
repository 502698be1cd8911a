# SPDX-License-Identifier: GPL-2.0-or-later
"""Run by a Blender without a window that has opened a copy of a scene: packs what the scene reads into it, and saves it.

What Blender cannot pack (image sequences, movies, caches, what is missing) keeps its path on the artist's computer: so the
bridge names it. Libraries are packed, too, after the textures, fonts and sounds that are linked from them were packed into them.
File Output nodes get folders beside the scene; where they wrote to before is noted in folders.json beside the copy.
"""

import json
import shutil
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
import output_paths  # beside this script, which is no part of a package here

KINDS = ("images", "fonts", "sounds")


def attempt(work, **options):
    """Errors of single files are told by Blender, and are no reason to stop. True when it went well."""
    try:
        work(**options)
    except RuntimeError as error:
        print(error)  # noqa: T201 - the log of this Blender
        return False
    return True


def loose_files():
    """Names of linked blocks that read files of their own: path of their library -> (kind, name)."""
    found = {}
    for kind in KINDS:
        for block in getattr(bpy.data, kind):
            if block.library and not block.packed_file and block.filepath not in {"", "<builtin>"}:
                found.setdefault(path_of(block.library), set()).add((kind, block.name))
    return found


def path_of(library):
    return bpy.path.abspath(library.filepath, library=library.parent)


def fill(library, blocks, beside):
    """A copy of a library with these blocks packed; it lies elsewhere, so its own paths are made absolute."""
    if not Path(library).is_file() or not attempt(bpy.ops.wm.open_mainfile, filepath=library, load_ui=False):
        return False
    for kind, name in blocks:
        block = getattr(bpy.data, kind).get(name)
        if block is not None and not block.library and not block.packed_file:
            attempt(block.pack)
    attempt(bpy.ops.file.make_paths_absolute)
    beside.parent.mkdir(parents=True)
    return attempt(bpy.ops.wm.save_as_mainfile, filepath=str(beside), copy=True, relative_remap=False, check_existing=False)


def relative(path, spare):
    """As a path that is relative to the copy; what lies on another drive of Windows is copied to `spare` first."""
    try:
        return bpy.path.relpath(str(path))
    except ValueError:
        spare.parent.mkdir(parents=True)
        if path.is_file():
            shutil.copyfile(path, spare)
        return bpy.path.relpath(str(spare))


def pack_libraries(filled, folder):
    """Blender packs libraries with relative paths only, so each gets one for that moment: its own, or its filled copy's."""
    before = {library.name: path_of(library) for library in bpy.data.libraries}
    for number, library in enumerate(bpy.data.libraries):
        path = filled.get(before[library.name], Path(before[library.name]))
        library.filepath = relative(path, folder / f"drive-{number}" / path.name)
    attempt(bpy.ops.file.pack_libraries)
    for library in bpy.data.libraries:
        library.filepath = before[library.name]


def gather_file_outputs(beside):
    """Below the folder of the scene's own pictures, numbered: so all of them come back, each to its place."""
    folders = []
    for node in output_paths.file_outputs():
        name, path = output_paths.name_in(node), getattr(node, output_paths.property_of(node))
        setattr(node, output_paths.property_of(node), f"//out/folder-{len(folders)}/{name}")
        folders.append(bpy.path.abspath(path[: len(path) - len(name)]))
    beside.write_text(json.dumps(folders), "utf-8")


def main():
    copy = bpy.data.filepath
    folder = Path(copy).parent / "libraries"
    filled = {}
    for number, (library, blocks) in enumerate(sorted(loose_files().items())):
        beside = folder / str(number) / Path(library).name
        if fill(library, blocks, beside):
            filled[library] = beside
    if bpy.data.filepath != copy:
        bpy.ops.wm.open_mainfile(filepath=copy, load_ui=False)
    attempt(bpy.ops.file.pack_all)
    pack_libraries(filled, folder)
    attempt(bpy.ops.file.make_paths_absolute)
    gather_file_outputs(Path(copy).parent / "folders.json")
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_mainfile(compress=False)


main()
