# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes requests from the open scene: saves the copy and collects the settings. Main thread only."""

import sys
from collections.abc import Callable

import bpy

from .. import preferences, properties
from ..bridge import job_submission
from ..bridge.blender_build import LocalBlender
from ..bridge.job_submission import SavedScene, SceneSettings
from ..bridge.render_request import RenderRequest
from ..bridge.wire.generated import JobSubmission
from ..scene.scene_copy import save_copy


def still(scene: bpy.types.Scene, frame: int) -> RenderRequest:
    """One picture for this Blender."""
    return _request(_submission(job_submission.still, scene, [frame]), [frame])


def frames_for_blender(scene: bpy.types.Scene, frames: list[int]) -> RenderRequest:
    """Frames that Blender's own animation render requests, one after the other."""
    return _request(_submission(job_submission.animation_raw, scene, frames), frames)


def files_submission(scene: bpy.types.Scene, frames: list[int], video: str | None = None) -> JobSubmission:
    """Finished files in the scene's output folder, made without this Blender."""
    submission = _submission(job_submission.files, scene, frames)
    if video is not None:
        submission["video"] = video
    return submission


def for_engine(scene: bpy.types.Scene, frame: int, is_animation: bool) -> RenderRequest:
    """What the engine requests when Blender renders a frame."""
    frames = frames_of(scene)
    if is_animation and frame == scene.frame_start and _renders_all_frames() and len(frames) > 1:
        return frames_for_blender(scene, frames)
    return still(scene, frame)


def rest_of_animation(scene: bpy.types.Scene, frame: int) -> RenderRequest:
    """The frames from `frame` on: a second frame in a row shows that an animation is rendered."""
    return frames_for_blender(scene, list(range(frame, scene.frame_end + 1, scene.frame_step)) or [frame])


def frames_of(scene: bpy.types.Scene) -> list[int]:
    """The scene's frame range."""
    return list(range(scene.frame_start, scene.frame_end + 1, scene.frame_step))


def local_blender() -> LocalBlender:
    """This Blender, for remote bridges."""
    return LocalBlender(bpy.app.binary_path, bpy.app.version_string.split()[0], bpy.app.build_hash.decode("ascii", "replace"))


def _request(submission: JobSubmission, frames: list[int]) -> RenderRequest:
    return RenderRequest(preferences.bridge_settings(), submission, tuple(frames), local_blender=local_blender())


def _renders_all_frames() -> bool:
    """In a window an animation has all frames; a command line may ask for single ones with -f, which the engine cannot tell apart."""
    arguments = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv
    return not bpy.app.background or "-a" in arguments or "--render-anim" in arguments


def _submission(
    kind: Callable[[SavedScene, SceneSettings], JobSubmission], scene: bpy.types.Scene, frames: list[int]
) -> JobSubmission:
    source = bpy.data.filepath or None
    saved = SavedScene(
        path=save_copy(preferences.bridge_settings()),
        source=source,
        title=title_of(scene, frames),
        scene=scene.name,
        frames=range_text(scene, frames),
        animation=len(frames) > 1 and range_text(scene, frames) is None,
        folder=bpy.path.abspath("//") if source else None,
        blender=bpy.app.binary_path or None,
    )
    return kind(saved, properties.submission_settings(scene, preferences.allowed_peers()))


def title_of(scene: bpy.types.Scene, frames: list[int]) -> str:
    """The job's name in lists."""
    file = bpy.path.display_name_from_filepath(bpy.data.filepath) if bpy.data.filepath else "Untitled"
    name = file if len(bpy.data.scenes) == 1 else f"{file}, {scene.name}"
    return f"{name}, frame {frames[0]}" if len(frames) == 1 else f"{name}, frames {frames[0]} to {frames[-1]}"


def range_text(scene: bpy.types.Scene, frames: list[int]) -> str | None:
    """The frames as the bridge writes them; None for the scene's own: its current frame, or its frame range."""
    if frames == [scene.frame_current] or (len(frames) > 1 and frames == frames_of(scene)):
        return None
    step = frames[1] - frames[0] if len(frames) > 1 else 1
    return f"{frames[0]}..{frames[-1]}x{step}"
