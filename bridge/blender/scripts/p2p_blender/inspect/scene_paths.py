# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths as Blender reads them: relative to the right .blend, numbered, tiled, one for each eye."""

from __future__ import annotations

import functools
import os
import re

import bpy

NUMBER = re.compile(r"^(.*?)(\d+)(\D*)$", re.DOTALL)


def absolute(path: str, library: bpy.types.Library | None = None) -> str:
    """A path of the scene (or of a linked library) as Blender resolves it, Windows separators and drives included."""
    if os.sep == "/":
        path = path.replace("\\", "/")
        path = path[2:] if re.match(r"[A-Za-z]:/", path) else path
    if path.startswith("//"):
        base = os.path.dirname(library_path(library) if library else bpy.data.filepath)
        path = os.path.join(base, path[2:])
    return os.path.abspath(path)


def library_path(library: bpy.types.Library) -> str:
    """The path of a linked .blend; Blender stores the paths of indirect ones relative to the main file too."""
    return absolute(library.filepath)


@functools.lru_cache(maxsize=4096)
def names_in(folder: str) -> tuple[str, ...]:
    """The names in a folder, sorted; none where there is no such folder."""
    try:
        return tuple(sorted(os.listdir(folder)))
    except OSError:
        return ()


def sequence(path: str) -> list[str]:
    """The numbered files on disk that belong to the one named; that one alone when it has no number."""
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    match = NUMBER.match(stem)
    if not match:
        return [path]
    head, digits, tail = match.groups()
    found = [os.path.join(folder, other) for other in names_in(folder) if is_numbered(other, head, tail + extension, len(digits))]
    return found or [path]


def is_numbered(name: str, head: str, tail: str, digits: int) -> bool:
    """True for head, a number as Blender writes it (padded with zeros to so many digits), and tail."""
    if not (name.startswith(head) and name.endswith(tail) and len(name) > len(head) + len(tail)):
        return False
    number = name[len(head) : len(name) - len(tail)]
    return number.isascii() and number.isdigit() and (len(number) == digits or (len(number) > digits and number[0] != "0"))


def udim(path: str, numbers: list[int]) -> list[str]:
    """The files of a tiled image, for the tiles that the scene lists (1001 is the first)."""
    if "<UVTILE>" in path:
        return [path.replace("<UVTILE>", f"u{(number - 1001) % 10 + 1}_v{(number - 1001) // 10 + 1}") for number in numbers]
    if "<UDIM>" in path:
        return [path.replace("<UDIM>", str(number)) for number in numbers]
    return [path]


def views(path: str, scene: bpy.types.Scene) -> list[str]:
    """The same picture for every view: "shot_L.png" stands for "shot_R.png" too, by the scene's view suffixes."""
    stem, extension = os.path.splitext(path)
    suffixes = [view.file_suffix for view in scene.render.views if view.file_suffix]
    own = next((suffix for suffix in suffixes if stem.endswith(suffix)), None)
    if own is None:
        return [path]
    return [stem[: -len(own)] + suffix + extension for suffix in suffixes]


def tree(folder: str) -> list[str]:
    """All files below a folder, sorted."""
    return sorted(os.path.join(place, name) for place, _, names in os.walk(folder) for name in names)
