# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers whose expressions fail at one frame.

Blender marks such a driver as invalid in the scene that it evaluates, and evaluates it no more there. A plain `-a` begins
each frame with a scene of its own, in which the driver works again. Where scene data is kept between renders, it would not.
"""

import bpy


def scripted_owners():
    """What has a driver with an expression, node trees that belong to something included."""
    return [owner for owner in with_own_trees(all_blocks()) if has_scripted_driver(owner)]


def wake(owners):
    """Has the next render evaluate these anew. Their time has come, nothing else: geometry that stays is not built again."""
    for owner in owners:
        owner.update_tag(refresh={"TIME"})


def all_blocks():
    for prop in bpy.data.bl_rna.properties:
        if prop.type == "COLLECTION":
            yield from getattr(bpy.data, prop.identifier)


def with_own_trees(blocks):
    for block in blocks:
        yield block
        tree = getattr(block, "node_tree", None)
        if tree is not None:
            yield tree


def has_scripted_driver(owner):
    data = getattr(owner, "animation_data", None)
    return data is not None and any(curve.driver.type == "SCRIPTED" for curve in data.drivers)
