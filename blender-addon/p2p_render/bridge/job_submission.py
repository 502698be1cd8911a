# SPDX-License-Identifier: GPL-2.0-or-later
"""The parameters of jobs.submit, computed from the scene's settings."""

from dataclasses import dataclass
from typing import Literal

from .wire.generated import JobSubmission


@dataclass(frozen=True)
class SceneSettings:
    """The settings of the panel. `donors`: ALL, LOCAL or LISTED."""

    donors: str = "ALL"
    listed: tuple[str, ...] = ()
    # The only peers that the preferences allow; empty: all.
    allowed: tuple[str, ...] = ()
    local: bool = True
    tiles: str = "AUTO"
    columns: int = 4
    rows: int = 4
    verify: Literal["off", "spot", "full"] = "spot"


@dataclass(frozen=True)
class SavedScene:
    """The saved copy, and what to render of it."""

    path: str
    source: str | None
    title: str
    scene: str
    # `12..12`, `1..20x2`; None for the current frame, or with `animation` the scene's range.
    frames: str | None
    animation: bool
    folder: str | None
    blender: str | None


def still(scene: SavedScene, settings: SceneSettings) -> JobSubmission:
    """One frame, whose raw pixels come back into this Blender."""
    return {**_common(scene, settings), "tiles": tiles_of(settings), "deliver": "raw"}


def animation_raw(scene: SavedScene, settings: SceneSettings) -> JobSubmission:
    """Frames whose raw pixels come back into this Blender, one after the other."""
    return {**_common(scene, settings), "tiles": tiles_of(settings, default=None), "deliver": "raw"}


def files(scene: SavedScene, settings: SceneSettings, video: str | None = None) -> JobSubmission:
    """Finished files in the scene's own output folder."""
    submission: JobSubmission = {**_common(scene, settings), "tiles": tiles_of(settings, default=None), "deliver": "files"}
    if video is not None:
        submission["video"] = video
    return submission


def _common(scene: SavedScene, settings: SceneSettings) -> JobSubmission:
    return {
        "scenePath": scene.path,
        "owned": True,
        "title": scene.title[:256],
        "source": scene.source,
        "blender": scene.blender,
        "scene": scene.scene,
        "frames": scene.frames,
        "animation": scene.animation,
        "cwd": scene.folder,
        "verify": settings.verify,
        "peers": peers_of(settings),
        "local": settings.local or settings.donors == "LOCAL",
    }


def peers_of(settings: SceneSettings) -> list[str] | Literal["all"]:
    """Which peers may render, besides the bridge's own computer."""
    if settings.donors == "LOCAL":
        return []
    wanted = settings.listed if settings.donors == "LISTED" else settings.allowed
    if settings.donors == "ALL" and not settings.allowed:
        return "all"
    return [peer for peer in wanted if not settings.allowed or peer in settings.allowed]


def tiles_of(settings: SceneSettings, default: str | None = "auto") -> str | None:
    """How frames are divided, as the bridge spells it; None leaves it to the bridge."""
    if settings.tiles == "AUTO":
        return default
    return "off" if settings.tiles == "OFF" else f"{settings.columns}x{settings.rows}"
