# SPDX-License-Identifier: GPL-2.0-or-later
"""The last check of a scene by the bridge: shown until the next check, or until another file is opened."""

import bpy
from bpy.app.handlers import persistent

from ..bridge.wire.generated import SceneFinding

# The preflight shows these itself, always up to date.
SHOWN_BY_PREFLIGHT = {"DENOISER_MISSING", "denoising", "engine", "freestyle", "no-peers", "no-peer-build"}


class SceneCheckState:
    """One check at a time; its findings belong to one scene."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.is_running = False
        self._scene = ""
        self._findings: tuple[SceneFinding, ...] = ()

    def start(self) -> None:
        self.is_running, self._findings = True, ()

    def finish(self, scene: str, findings: tuple[SceneFinding, ...]) -> None:
        self.is_running, self._scene, self._findings = False, scene, findings

    def findings_for(self, scene: str) -> tuple[SceneFinding, ...]:
        """What was found in a scene, without what the preflight shows."""
        if scene != self._scene:
            return ()
        return tuple(finding for finding in self._findings if finding.code not in SHOWN_BY_PREFLIGHT)


scene_check = SceneCheckState()


@persistent
def reset_on_load(*_: object) -> None:
    """The findings are of the former file."""
    scene_check.reset()


def register() -> None:
    bpy.app.handlers.load_post.append(reset_on_load)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(reset_on_load)
