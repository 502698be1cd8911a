# SPDX-License-Identifier: GPL-2.0-or-later
"""The scene of a context."""

import bpy


def scene_of(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene that a panel or an operator is about; the type stubs allow for none, which does not happen."""
    scene = context.scene
    assert scene is not None
    return scene
