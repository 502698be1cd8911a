# SPDX-License-Identifier: GPL-2.0-or-later
"""Walks through node trees."""

from __future__ import annotations

from typing import Any


def nodes_of(tree: Any, seen: set[Any] | None = None) -> list[Any]:
    """The nodes of a tree and of the groups in it, each group once."""
    seen = set() if seen is None else seen
    if tree is None or tree in seen:
        return []
    seen.add(tree)
    inner = [node for group in tree.nodes if group.type == "GROUP" for node in nodes_of(group.node_tree, seen)]
    return list(tree.nodes) + inner
