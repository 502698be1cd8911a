# SPDX-License-Identifier: GPL-2.0-or-later
"""What is seen in Properties > Render and in the Render menu."""

from . import choices_panel, jobs_panel, main_panel, peers_panel, render_menu

# Sub-panels come in this order.
MODULES = (main_panel, peers_panel, choices_panel, jobs_panel, render_menu)


def register():
    for module in MODULES:
        module.register()


def unregister():
    for module in reversed(MODULES):
        module.unregister()
