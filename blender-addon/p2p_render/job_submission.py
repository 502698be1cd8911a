# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked of the bridge, from what the panel says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choices:
    """The panel's settings. `donors`: ALL, LOCAL or LISTED."""

    donors: str = "ALL"
    listed: tuple[str, ...] = ()
    # The only peers that may ever be asked, by the preferences; empty means that all may.
    allowed: tuple[str, ...] = ()
    local: bool = True
    tiles: str = "AUTO"
    columns: int = 4
    rows: int = 4
    verify: str = "spot"


@dataclass(frozen=True)
class Scene:
    """The saved copy, and what is to be rendered of it."""

    path: str
    source: str | None
    title: str
    scene: str
    # `12..12`, `1..20x2`; None for the current frame, or with `animation` the scene's range.
    frames: str | None
    animation: bool
    folder: str | None
    blender: str | None


def still(scene, choices):
    """One picture, whose floats come back into this Blender."""
    return {**_common(scene, choices), "tiles": tiles_of(choices), "deliver": "raw"}


def animation_raw(scene, choices):
    """Frames whose floats come back into this Blender, one after the other."""
    return {**_common(scene, choices), "tiles": tiles_of(choices, default=None), "deliver": "raw"}


def files(scene, choices, video=None):
    """Finished files in the scene's own output folder."""
    submission = {**_common(scene, choices), "tiles": tiles_of(choices, default=None), "deliver": "files"}
    return submission if video is None else {**submission, "video": video}


def _common(scene, choices):
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
        "verify": choices.verify,
        "peers": peers_of(choices),
        "local": choices.local or choices.donors == "LOCAL",
    }


def peers_of(choices):
    """Whose power is used beside this computer's."""
    if choices.donors == "LOCAL":
        return []
    wanted = choices.listed if choices.donors == "LISTED" else choices.allowed
    if choices.donors == "ALL" and not choices.allowed:
        return "all"
    return [peer for peer in wanted if not choices.allowed or peer in choices.allowed]


def tiles_of(choices, default="auto"):
    """The bridge's word for how frames are cut; None leaves it to the bridge."""
    if choices.tiles == "AUTO":
        return default
    return "off" if choices.tiles == "OFF" else f"{choices.columns}x{choices.rows}"
