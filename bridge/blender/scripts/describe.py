# SPDX-License-Identifier: GPL-2.0-or-later
"""Says what this Blender is. Argument: token."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bpy  # noqa: E402

import compat  # noqa: E402
from wire import Wire, own_arguments  # noqa: E402


def describe(_):
    """The facts that decide whether two Blenders are the same build."""
    return {
        "version": ".".join(str(part) for part in bpy.app.version),
        "buildHash": bpy.app.build_hash.decode("utf8", "replace"),
        "hasDenoiser": compat.has_denoiser(),
    }


Wire(own_arguments()[0]).serve({"describe": describe})
