# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeps Cycles' panels visible under our engine: the settings are Cycles' own."""

import importlib
from typing import Any

from .. import constants


def cycles_panels() -> set[Any]:
    """All panel classes that Cycles shows."""
    ui: Any = importlib.import_module("cycles.ui")
    own = [cls for cls in ui.classes if hasattr(cls, "COMPAT_ENGINES")]
    return {*ui.get_panels(), *own}


def register() -> None:
    for panel in cycles_panels():
        panel.COMPAT_ENGINES.add(constants.ENGINE_ID)


def unregister() -> None:
    for panel in cycles_panels():
        panel.COMPAT_ENGINES.discard(constants.ENGINE_ID)
