# SPDX-License-Identifier: GPL-2.0-or-later
"""Which Blenders are the same, to the commit: only then are all pixels the same. Plain Python: nothing here knows Blender."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class OwnBlender:
    """This Blender. Distributions' builds have no hash: the bridge gives them one of its own."""

    program: str = ""
    version: str = ""
    build_hash: str = ""


def same_as(own, build):
    """Whether a build of another computer is this one; without a hash of its own, the version must do."""
    has_hash = re.fullmatch(r"[0-9a-f]{6,}", own.build_hash) is not None
    return build.version == own.version and (not has_hash or build.build_hash == own.build_hash)
