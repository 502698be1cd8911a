# SPDX-License-Identifier: GPL-2.0-or-later
"""The growing preview of a job that makes files, as an image that any Image Editor can show."""

import os

import bpy

NAME = "P2P Preview"
_shown = {}


def turn(desk):
    """Loads the picture anew when the bridge has written it; only where it can be seen."""
    for job in desk.jobs.values():
        path = job.progress.preview
        if path and not job.line.is_ended and job.line.deliver == "files":
            _show(path)
            return


def show_in_editor(context):
    """Puts the preview into an Image Editor that shows nothing else, if there is one."""
    areas = [area for area in context.screen.areas if area.type == "IMAGE_EDITOR"] if context.screen else []
    for area in areas:
        area.spaces.active.image = _image()


def _image():
    image = bpy.data.images.get(NAME)
    if image is None:
        image = bpy.data.images.new(NAME, 8, 8)
    return image


def _show(path):
    image = bpy.data.images.get(NAME)
    if image is None or not _is_seen(image):
        return
    try:
        stamp = (path, os.stat(path).st_mtime_ns)
    except OSError:
        return
    if _shown.get(NAME) == stamp:
        return
    _shown[NAME] = stamp
    if image.source != "FILE" or image.filepath != path:
        image.source, image.filepath = "FILE", path
    image.reload()


def _is_seen(image):
    areas = [area for window in bpy.context.window_manager.windows for area in window.screen.areas]
    return any(area.type == "IMAGE_EDITOR" and area.spaces.active.image == image for area in areas)
