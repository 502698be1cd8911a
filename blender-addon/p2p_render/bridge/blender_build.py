# SPDX-License-Identifier: GPL-2.0-or-later
"""Which Blender builds are the same, down to the commit: only then are all pixels the same."""

import re
from dataclasses import dataclass

from .wire.generated import LocalBuild, OfferedBuild


@dataclass(frozen=True)
class LocalBlender:
    """This Blender. Builds by Linux distributions have no hash: the bridge computes one for them."""

    program: str = ""
    version: str = ""
    build_hash: str = ""


def is_same_build(local: LocalBlender, build: LocalBuild | OfferedBuild) -> bool:
    """Whether a build of another computer is this one; where this one has no hash, the version decides."""
    has_hash = re.fullmatch(r"[0-9a-f]{6,}", local.build_hash) is not None
    return build.version == local.version and (not has_hash or build.build_hash == local.build_hash)
