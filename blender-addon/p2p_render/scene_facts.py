# SPDX-License-Identifier: GPL-2.0-or-later
"""What the open scene is like, for the pre-flight. Blender is asked on the main thread; disks are asked on a thread of their own."""

import os
import queue
import threading
import time

import bpy

from .preflight import SceneFacts

LOOK_SECONDS = 2.0
# Kinds of images that are read from files.
FILE_SOURCES = {"FILE", "SEQUENCE", "MOVIE", "TILED"}


class MissingFiles:
    """Knows which files of the open scene are not there, as of a moment ago."""

    def __init__(self):
        self.names = ()
        self._answers = queue.SimpleQueue()
        self._is_looking = False
        self._looked_at = 0.0

    def turn(self):
        """True when the answer has changed."""
        changed = False
        while not self._answers.empty():
            names, self._is_looking = self._answers.get_nowait(), False
            changed, self.names = changed or names != self.names, names
        if not self._is_looking and time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._looked_at, self._is_looking = time.monotonic(), True
            threading.Thread(target=self._look, args=(read_paths(),), name="p2p-render-files", daemon=True).start()
        return changed

    def _look(self, paths):
        self._answers.put(tuple(name for name, path in paths if not os.path.exists(path)))


looker = MissingFiles()


def read_paths():
    """Name and absolute path of each file that the scene reads."""
    images = [
        image for image in bpy.data.images if image.source in FILE_SOURCES and image.users and not image.packed_file and image.filepath
    ]
    paths = [(image.name, first_file(image)) for image in images]
    paths += [(bpy.path.basename(library.filepath), bpy.path.abspath(library.filepath)) for library in bpy.data.libraries]
    paths += [(cache.name, bpy.path.abspath(cache.filepath)) for cache in bpy.data.cache_files if cache.filepath]
    paths += [(volume.name, bpy.path.abspath(volume.filepath)) for volume in bpy.data.volumes if volume.filepath and not volume.is_sequence]
    return paths


def first_file(image):
    """A path that must exist: of tiled images the first tile."""
    path = bpy.path.abspath(image.filepath, library=image.library)
    if image.source == "TILED":
        number = image.tiles[0].number if image.tiles else 1001
        return path.replace("<UDIM>", str(number)).replace("<UVTILE>", f"u{(number - 1001) % 10 + 1}_v{(number - 1001) // 10 + 1}")
    return path


def facts_of(context):
    """The facts of the context's scene; cheap enough for a panel's draw."""
    scene = context.scene
    cameras = tuple(item.name for item in scene.objects if item.type == "CAMERA")
    has_camera = scene.camera is not None or any(marker.camera for marker in scene.timeline_markers)
    dirty = tuple(
        image.name for image in bpy.data.images if image.is_dirty and image.source in FILE_SOURCES and image.users and not image.packed_file
    )
    return SceneFacts(
        engine=scene.p2p_render.engine_before or scene.render.engine,
        has_camera=has_camera,
        cameras=cameras,
        is_saved=bool(bpy.data.filepath),
        is_dirty=bpy.data.is_dirty,
        missing_files=looker.names,
        unsaved_images=dirty,
        is_denoised=scene.cycles.use_denoising and any(getattr(layer.cycles, "use_denoising", True) for layer in scene.view_layers),
        can_denoise=_can_denoise(),
        uses_freestyle=scene.render.use_freestyle,
        output=scene.render.filepath,
        build_hash=bpy.app.build_hash.decode("ascii", "replace"),
        version=bpy.app.version_string.split()[0],
        program=os.path.realpath(bpy.app.binary_path),
    )


def _can_denoise():
    try:
        import _cycles
    except ImportError:
        return False
    return bool(getattr(_cycles, "with_openimagedenoise", False))
