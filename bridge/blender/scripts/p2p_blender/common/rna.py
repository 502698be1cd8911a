# SPDX-License-Identifier: GPL-2.0-or-later
"""Properties that only some types of data have. What only some versions of Blender have is for `compat`."""

from __future__ import annotations

from typing import Any


def value_of(owner: Any, name: str) -> Any:
    """The value of a property; None where data of this type has no such property."""
    return getattr(owner, name) if name in owner.bl_rna.properties else None
