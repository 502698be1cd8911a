# SPDX-License-Identifier: GPL-2.0-or-later
"""The panels in Properties > Render, and the entries of the Render menu."""

from . import jobs_panel, main_panel, peers_panel, render_menu, tiles_panel

# Sub-panels appear in this order.
MODULES = (main_panel, peers_panel, tiles_panel, jobs_panel, render_menu)


def register() -> None:
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()
