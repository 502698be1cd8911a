# SPDX-License-Identifier: GPL-2.0-or-later
"""Renders Blender scenes on a swarm of computers, with the same picture as one Blender."""

from types import ModuleType

bl_info = {
    "name": "Render on P2P",
    "author": "The p2p-render project",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "Properties > Render, and the Render menu",
    "description": "Renders on a peer-to-peer swarm, with the same picture as one Blender",
    "category": "Render",
}


def _modules() -> tuple[ModuleType, ...]:
    """In the order of their registration. Imported late: some need the bundled wheels, and pack_copy.py none of them."""
    from . import vendored

    vendored.make_importable()
    from . import preferences, properties
    from .render import engine, engine_switch
    from .scene import scene_check
    from .ui import cycles_panels, operators, overlay, panels, status_bar, timer

    return (
        properties,
        preferences,
        operators,
        engine,
        cycles_panels,
        engine_switch,
        scene_check,
        panels,
        status_bar,
        overlay,
        timer,
    )


def register() -> None:
    """Adds everything to Blender."""
    for module in _modules():
        module.register()


def unregister() -> None:
    """Removes everything, in the reverse order."""
    for module in reversed(_modules()):
        module.unregister()
