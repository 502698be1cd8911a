# SPDX-License-Identifier: GPL-2.0-or-later
"""Says which build this Blender is."""

import hashlib
import os
import re

import bpy

from ..common import compat


def build_hash():
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


def describe(_):
    """The facts that decide whether two Blenders are the same build."""
    return {
        "version": ".".join(str(part) for part in bpy.app.version),
        "buildHash": build_hash(),
        "hasDenoiser": compat.has_denoiser(),
    }
