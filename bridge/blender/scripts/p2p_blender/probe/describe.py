# SPDX-License-Identifier: GPL-2.0-or-later
"""Says which build this Blender is."""

from __future__ import annotations

import hashlib
import os
import re

import bpy

from ..common import compat, cycles
from ..common.wire import Json


def build_hash() -> str:
    """Distributions build without a hash: two of one version still have different programs, hence different pixels.

    Blender itself knows best which file its program is: what was started may be a script around it.
    """
    said = bpy.app.build_hash.decode("utf8", "replace")
    if re.fullmatch("[0-9a-f]{6,}", said):
        return said
    with open(os.path.realpath(bpy.app.binary_path), "rb") as program:
        digest = hashlib.sha256()
        for piece in iter(lambda: program.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()[:12]


def describe(_: object) -> Json:
    """The facts that decide whether two Blenders are the same build."""
    return {
        "version": compat.version_text(),
        "buildHash": build_hash(),
        "hasDenoiser": cycles.is_built_with("openimagedenoise"),
    }
