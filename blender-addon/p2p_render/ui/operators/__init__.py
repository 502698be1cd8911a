# SPDX-License-Identifier: GPL-2.0-or-later
"""The operators behind the buttons."""

from . import (
    bridge_operators,
    check_scene,
    job_operators,
    output_operators,
    preflight_fixes,
    render_animation,
    render_image,
    toggle_peer,
)

MODULES = (
    render_image,
    render_animation,
    job_operators,
    output_operators,
    bridge_operators,
    check_scene,
    toggle_peer,
    preflight_fixes,
)


def register() -> None:
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()
