# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes orders of what is open: saves the copy and gathers the choices. Main thread only."""

import sys

import bpy

from . import job_submission, preferences, properties
from .builds import OwnBlender
from .scene_copy import save_copy
from .swarm_run import Order


def still(scene, frame):
    """One picture for this Blender."""
    return Order(preferences.place(), _submission(job_submission.still, scene, [frame]), (frame,), own=own_blender())


def frames_for_blender(scene, frames):
    """Frames that Blender's own animation render asks for, one after the other."""
    return Order(preferences.place(), _submission(job_submission.animation_raw, scene, frames), tuple(frames), own=own_blender())


def own_blender():
    """This Blender, for bridges of other computers."""
    return OwnBlender(bpy.app.binary_path, bpy.app.version_string.split()[0], bpy.app.build_hash.decode("ascii", "replace"))


def files_submission(scene, frames, video=None):
    """Finished files in the scene's output folder, made without this Blender."""
    submission = _submission(job_submission.files, scene, frames)
    return submission if video is None else {**submission, "video": video}


def frames_of(scene):
    """The scene's animation."""
    return list(range(scene.frame_start, scene.frame_end + 1, scene.frame_step))


def for_render(scene, frame, is_animation):
    """What the engine asks the swarm for when Blender wants a frame."""
    frames = frames_of(scene)
    if is_animation and frame == scene.frame_start and _renders_all() and len(frames) > 1:
        return frames_for_blender(scene, frames)
    return still(scene, frame)


def rest_of_animation(scene, frame):
    """The frames from `frame` on: the second frame in a row shows that an animation is rendered."""
    return frames_for_blender(scene, [each for each in range(frame, scene.frame_end + 1, scene.frame_step)] or [frame])


def _renders_all():
    """In a window an animation is all of it; a command line may ask for single frames with -f, which looks alike from here."""
    words = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv
    return not bpy.app.background or "-a" in words or "--render-anim" in words


def _submission(kind, scene, frames):
    source = bpy.data.filepath or None
    facts = job_submission.Scene(
        path=save_copy(preferences.place()),
        source=source,
        title=title_of(scene, frames),
        scene=scene.name,
        frames=range_text(scene, frames),
        animation=len(frames) > 1 and range_text(scene, frames) is None,
        folder=bpy.path.abspath("//") if source else None,
        blender=bpy.app.binary_path or None,
    )
    return kind(facts, properties.choices_of(scene, preferences.allowed()))


def title_of(scene, frames):
    """What people read in lists."""
    file = bpy.path.display_name_from_filepath(bpy.data.filepath) if bpy.data.filepath else "Untitled"
    name = file if len(bpy.data.scenes) == 1 else f"{file}, {scene.name}"
    return f"{name}, frame {frames[0]}" if len(frames) == 1 else f"{name}, frames {frames[0]} to {frames[-1]}"


def range_text(scene, frames):
    """The frames in the bridge's words, None for what the scene itself says: its current frame, or its animation."""
    if frames == [scene.frame_current] or (len(frames) > 1 and frames == frames_of(scene)):
        return None
    step = frames[1] - frames[0] if len(frames) > 1 else 1
    return f"{frames[0]}..{frames[-1]}x{step}"
