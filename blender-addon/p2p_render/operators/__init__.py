# SPDX-License-Identifier: GPL-2.0-or-later
"""What buttons do."""

from . import bridge_verbs, fixes, job_verbs, look_closer, output_verbs, render_animation, render_image, toggle_peer

MODULES = (render_image, render_animation, job_verbs, output_verbs, bridge_verbs, look_closer, toggle_peer, fixes)


def register():
    for module in MODULES:
        module.register()


def unregister():
    for module in reversed(MODULES):
        module.unregister()
