# SPDX-License-Identifier: GPL-2.0-or-later
"""The growing preview of a job that makes files, as an image that any Image Editor can show."""

from pathlib import Path

import bpy

from ..bridge.bridge_client import BridgeClient
from ..bridge.wire.derived import is_ended
from .windows import areas_of, open_windows

NAME = "P2P Preview"
# Path and modification time of the loaded preview.
_loaded: dict[str, tuple[str, int]] = {}


def update(client: BridgeClient) -> None:
    """Reloads the image when the bridge has written it; only where it is visible."""
    for job in client.jobs.values():
        path = job.progress.preview
        if path and not is_ended(job.summary) and job.summary.deliver == "files":
            _reload(path)
            return


def show_in_editor(context: bpy.types.Context) -> None:
    """In all Image Editors of the window."""
    for space in image_editors(context.window):
        space.image = bpy.data.images.get(NAME) or bpy.data.images.new(NAME, 8, 8)


def image_editors(window: bpy.types.Window | None) -> list[bpy.types.SpaceImageEditor]:
    """The Image Editors of a window."""
    spaces = [area.spaces.active for area in areas_of(window, "IMAGE_EDITOR")]
    return [space for space in spaces if isinstance(space, bpy.types.SpaceImageEditor)]


def _reload(path: str) -> None:
    image = bpy.data.images.get(NAME)
    if image is None or not _is_visible(image):
        return
    try:
        version = (path, Path(path).stat().st_mtime_ns)
    except OSError:
        return
    if _loaded.get(NAME) == version:
        return
    _loaded[NAME] = version
    if image.source != "FILE" or image.filepath != path:
        image.source, image.filepath = "FILE", path
    image.reload()


def _is_visible(image: bpy.types.Image) -> bool:
    return any(space.image == image for window in open_windows() for space in image_editors(window))
