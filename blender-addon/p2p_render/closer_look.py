# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bridge found when it opened the scene: shown until the next look, or until another file is opened."""

import bpy

# The panel says these itself, and as things are now.
SAID_ANYWAY = {"DENOISER_MISSING", "denoising", "engine", "freestyle", "no-peers", "no-peer-build"}


class CloserLook:
    """The last look; its findings belong to one scene."""

    def __init__(self):
        self.is_looking = False
        self._scene = ""
        self._findings = ()

    def begin(self):
        self.is_looking, self._findings = True, ()

    def found(self, scene, findings):
        self.is_looking, self._scene, self._findings = False, scene, findings

    def forget(self):
        self.__init__()

    def of(self, scene):
        """What was found in a scene, less what the panel says anyway."""
        if scene != self._scene:
            return ()
        return tuple(finding for finding in self._findings if finding.code not in SAID_ANYWAY)


closer_look = CloserLook()


@bpy.app.handlers.persistent
def forget_on_load(*_):
    """Another file, another scene."""
    closer_look.forget()


def register():
    bpy.app.handlers.load_post.append(forget_on_load)


def unregister():
    bpy.app.handlers.load_post.remove(forget_on_load)
