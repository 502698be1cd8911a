# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the bundled wheels importable. As an extension Blender has installed them; a legacy add-on reads them where they lie."""

import sys
from pathlib import Path

WHEELS = Path(__file__).parent / "wheels"


def make_importable():
    """Pure Python wheels can be imported as they are. Whatever is installed already comes first."""
    try:
        import websockets.asyncio.client  # noqa: F401 - only whether it is there
    except ImportError:
        sys.path.extend(str(wheel) for wheel in sorted(WHEELS.glob("*.whl")) if str(wheel) not in sys.path)
