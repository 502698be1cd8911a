# SPDX-License-Identifier: GPL-2.0-or-later
"""Renders Blender scenes on a swarm of computers, with the same picture as one Blender."""

bl_info = {
    "name": "Render on P2P",
    "author": "The p2p-render project",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "Properties > Render, and the Render menu",
    "description": "Renders on a peer-to-peer swarm, with the same picture as one Blender",
    "category": "Render",
}


def _modules():
    """In the order in which they are registered."""
    from . import vendored

    vendored.make_importable()
    from . import closer_look, cycles_panels, engine, engine_switch, operators, overlay, panels, preferences, properties, status_bar, ticker

    return (properties, preferences, operators, engine, cycles_panels, engine_switch, closer_look, panels, status_bar, overlay, ticker)


def register():
    """Adds everything to Blender."""
    for module in _modules():
        module.register()


def unregister():
    """Takes everything out again, the other way round."""
    for module in reversed(_modules()):
        module.unregister()
