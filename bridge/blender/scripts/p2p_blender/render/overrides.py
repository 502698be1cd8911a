# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings changed for one chunk and put back after it, so that chunks in any order give equal results."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection
from typing import Any

import bpy

from ..common import compat
from ..common.wire import Json


class Overrides:
    """Changes properties; leaving the `with` block puts them back, last first."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> Overrides:
        return self

    def __exit__(self, *_: object) -> None:
        while self._undo:
            self._undo.pop()()

    def keep(self, owner: Any, *names: str) -> None:
        """Remembers properties that the caller is about to set."""
        for name in names:
            before = getattr(owner, name)
            self._undo.append(functools.partial(setattr, owner, name, before))

    def set(self, owner: Any, **values: Any) -> None:
        """Sets properties of an RNA struct or a property group."""
        for name, value in values.items():
            if getattr(owner, name) != value:
                self.keep(owner, name)
                setattr(owner, name, value)

    def image_settings(self, settings: bpy.types.ImageFormatSettings, file_format: str, **values: Any) -> None:
        """Another output format. Blender forgets depth, colours and codec when the format changes, so all are kept."""
        before = {
            prop.identifier: getattr(settings, prop.identifier)
            for prop in settings.bl_rna.properties
            if prop.type != "POINTER" and not prop.is_readonly
        }
        self._undo.append(lambda: _restore_image_settings(settings, before))
        compat.set_file_format(settings, file_format)
        for name, value in compat.known_values(settings, values).items():
            setattr(settings, name, value)

    def mute_animation(self, owner: Any, paths: Collection[str]) -> None:
        """Keeps animation of the properties that a chunk sets from overruling it."""
        for curve in compat.animation_curves(owner):
            if curve.data_path in paths:
                self.set(curve, mute=True)

    def file_output(self, node: Any, folder: str) -> None:
        """Sends a File Output node's pictures into `folder`."""
        before = compat.file_output_path(node)
        self._undo.append(lambda: compat.restore_file_output(node, before))
        compat.redirect_file_output(node, folder)


def _restore_image_settings(settings: bpy.types.ImageFormatSettings, before: Json) -> None:
    compat.set_file_format(settings, before["file_format"])
    for name, value in before.items():
        if name in ("file_format", "media_type"):
            continue
        # A value that this format does not have: Blender ignores it just as well.
        with contextlib.suppress(TypeError):
            setattr(settings, name, value)
