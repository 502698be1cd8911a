# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the bundled wheels importable. As an extension Blender has installed them; a legacy add-on imports them from its own folder."""

import importlib.util
import sys
from pathlib import Path

WHEELS = Path(__file__).parent / "wheels"


def make_importable() -> None:
    """Pure Python wheels can be imported as they are. Whatever is installed already is preferred."""
    if importlib.util.find_spec("websockets") is None or importlib.util.find_spec("websockets.asyncio") is None:
        sys.path.extend(str(wheel) for wheel in sorted(WHEELS.glob("*.whl")) if str(wheel) not in sys.path)
