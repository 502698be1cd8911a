# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers whose expressions fail at one frame.

Blender marks such a driver as invalid in the scene that it evaluates, and evaluates it no more there. A plain `-a` begins
each frame with a scene of its own, in which the driver works again. Where scene data is kept between renders, it would not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bpy

from ..common import rna


def owners_of_scripted_drivers() -> list[Any]:
    """Data-blocks and embedded node trees that have a driver with an expression."""
    return [owner for owner in with_own_trees(all_blocks()) if has_scripted_driver(owner)]


def tag_for_update(owners: list[Any]) -> None:
    """Has the next render evaluate these again. Only their time is tagged: geometry that stays the same is not built again."""
    for owner in owners:
        owner.update_tag(refresh={"TIME"})


def all_blocks() -> Iterator[Any]:
    for prop in bpy.data.bl_rna.properties:
        if prop.type == "COLLECTION":
            yield from getattr(bpy.data, prop.identifier)


def with_own_trees(blocks: Iterable[Any]) -> Iterator[Any]:
    for block in blocks:
        yield block
        tree = rna.value_of(block, "node_tree")
        if tree is not None:
            yield tree


def has_scripted_driver(owner: Any) -> bool:
    data = rna.value_of(owner, "animation_data")
    return data is not None and any(curve.driver.type == "SCRIPTED" for curve in data.drivers)
