# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeps Cycles' panels in sight under our engine: the settings are Cycles' own."""

from . import names


def _panels():
    import cycles.ui

    own = [cls for cls in cycles.ui.classes if hasattr(cls, "COMPAT_ENGINES")]
    return {*cycles.ui.get_panels(), *own}


def register():
    for panel in _panels():
        panel.COMPAT_ENGINES.add(names.ENGINE_ID)


def unregister():
    for panel in _panels():
        panel.COMPAT_ENGINES.discard(names.ENGINE_ID)
