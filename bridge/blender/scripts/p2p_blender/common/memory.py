# SPDX-License-Identifier: GPL-2.0-or-later
"""Peak memory of this process."""

from __future__ import annotations

import sys


def peak_bytes() -> int:
    """Peak resident memory in bytes; 0 where the system does not say."""
    try:
        import resource  # not on Windows
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
