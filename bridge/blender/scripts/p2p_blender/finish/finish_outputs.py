# SPDX-License-Identifier: GPL-2.0-or-later
"""Redirects everything that a render writes into one folder, and maps each file to its final path.

Each output folder of the file gets a folder of its own inside the stage. Names below it stay as the
scene has them, so that frame numbers, view suffixes, extensions and name templates are Blender's work.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Any

import bpy

from ..common import compat
from ..common.wire import Json, ScriptError

# Blender cuts off longer paths without an error (FILE_MAX, with room for number and extension).
MAX_PATH_BYTES = 1000


class Outputs:
    """Where the scene's files go: the main picture or movie, and all File Output nodes."""

    def __init__(self, scene: bpy.types.Scene) -> None:
        self._scene = scene
        self._pattern = scene.render.filepath
        self._resolver = PathResolver()
        # Final folder of each folder in the stage, by its number.
        self._finals: list[str] = []
        self._stage = ""
        self._staged: list[str] = []
        self.main_folder = self._resolver.folder(folder_of(self._pattern))

    def patterns(self) -> list[str]:
        """Every name that files are written under, as the scene has it."""
        found = [self._pattern]
        for node, _ in file_output_nodes():
            found += [compat.file_output_path(node), *compat.file_output_names(node)]
        return found

    def redirect(self, stage: str) -> None:
        """From now on everything is written into `stage`."""
        self._stage = stage
        main = folder_of(self._pattern)
        name = self._pattern[len(main) :]
        self._scene.render.filepath = check_path_length(os.path.join(self._make_staged_folder(main, [name]), name))
        for node, tree in file_output_nodes():
            self._redirect_node(node, tree)
        self._resolver.close()

    def make_folders(self) -> None:
        """Makes the stage's folders again if they were deleted."""
        for folder in self._staged:
            make_folder(folder)

    def written(self) -> list[Json]:
        """The files in the stage, in the order of writing: staged path, final path, whether it belongs to the main output."""
        found = []
        for folder, _, names in os.walk(self._stage):
            found += [os.path.join(folder, name) for name in names]
        found.sort(key=lambda path: (os.stat(path).st_mtime_ns, path))
        return [self._file_entry(path) for path in found]

    def _file_entry(self, path: str) -> Json:
        number, _, rest = os.path.relpath(path, self._stage).partition(os.sep)
        return {"staged": path, "final": os.path.join(self._finals[int(number)], rest), "main": number == "0"}

    def _redirect_node(self, node: Any, tree: Any) -> None:
        folder = compat.file_output_folder(node)
        folder = folder.replace("{blend_dir_lib}", blend_folder(tree)).replace("{blend_dir}", blend_folder(None))
        target = check_path_length(self._make_staged_folder(folder, compat.file_output_names(node)))
        compat.redirect_file_output(node, os.path.join(target, ""))

    def _make_staged_folder(self, folder: str, names: list[str]) -> str:
        """A folder in the stage that stands for `folder`, and for as many folders above it as `names` climb to."""
        literal = self._resolver.literal(folder)
        final = self._resolver.folder(literal)
        rest = folder[len(literal) :]
        root = final
        for _ in range(max((levels_up(os.path.join(rest, name)) for name in names), default=0)):
            root = os.path.dirname(root)
        number = str(len(self._finals))
        self._finals.append(root)
        staged = os.path.normpath(os.path.join(self._stage, number, os.path.relpath(final, root)))
        self._staged.append(staged)
        make_folder(staged)
        return os.path.join(self._resolver.escape(staged), rest)


def file_output_nodes() -> Iterator[tuple[Any, Any]]:
    """Every File Output node of the file, with the tree that it is in."""
    for tree in compat.compositor_trees():
        for node in tree.nodes:
            if node.bl_idname == "CompositorNodeOutputFile":
                yield node, tree


class PathResolver:
    """Asks Blender what a path means: `//`, drive letters, backslashes and templates differ between versions and systems."""

    def __init__(self) -> None:
        self._probe = bpy.data.scenes.new("probe")
        self._has_templates = "{{" not in self._resolve("{{")

    def folder(self, pattern: str) -> str:
        """The absolute path of a folder pattern that ends in a separator or is empty."""
        return os.path.abspath(os.path.dirname(self._resolve(pattern + "x")))

    def literal(self, pattern: str) -> str:
        """The leading folders of a pattern that hold no template, up to a separator."""
        if not self._has_templates or "{" not in pattern:
            return pattern if not pattern or pattern[-1] in "/\\" else pattern + "/"
        return folder_of(pattern[: pattern.index("{")])

    def escape(self, path: str) -> str:
        """`path` as a pattern that means nothing but itself."""
        return path.replace("{", "{{").replace("}", "}}") if self._has_templates else path

    def close(self) -> None:
        """Removes the helper scene."""
        bpy.data.scenes.remove(self._probe)

    def _resolve(self, pattern: str) -> str:
        self._probe.render.filepath = pattern
        return self._probe.render.frame_path(frame=1)


def make_folder(path: str) -> None:
    """Makes a folder of the stage."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        code = "DISK_FULL" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "OUTPUT_NOT_WRITABLE"
        raise ScriptError(code, f"{path} cannot be made ({error.strerror})") from error


def folder_of(path: str) -> str:
    """Everything up to the last separator, with it."""
    return path[: max(path.rfind("/"), path.rfind("\\")) + 1]


def levels_up(name: str) -> int:
    """How many folders a relative name leads up."""
    parts = os.path.normpath(name.replace("\\", "/").lstrip("/")).split(os.sep)
    return parts.count("..")


def blend_folder(tree: Any) -> str:
    """The folder of the .blend, or of the library that a node tree comes from, as a pattern."""
    library = tree.library if tree is not None else None
    path = bpy.path.abspath(library.filepath) if library else bpy.data.filepath
    return os.path.dirname(path).replace("{", "{{").replace("}", "}}")


def check_path_length(path: str) -> str:
    """Refuses what Blender would cut off."""
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise ScriptError("OUTPUT_NOT_WRITABLE", f"the output path is too long for Blender: {path}")
    return path
