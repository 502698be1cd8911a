# SPDX-License-Identifier: GPL-2.0-or-later
"""What a job needs when the bridge has another disk: a self-contained copy, uploaded, and the same Blender on that computer."""

import re
import shutil
from pathlib import Path

from ..bridge.blender_build import LocalBlender, is_same_build
from ..bridge.blocking_client import BlockingClient, ClientOwner, OperationFailed
from ..bridge.file_names import name_of
from ..bridge.render_request import RenderRequest
from ..bridge.wire.generated import JobSubmission, SceneCheck, SwarmStatus
from .self_contained import make_self_contained

# Beside the uploaded scene: the bridge keeps it until the job is released.
OUTPUT_FOLDER = "out"
NODE_FOLDER = re.compile(r"folder-(\d{1,4})")  # as pack_copy.py numbers them


def submit(request: RenderRequest, template: str, owner: ClientOwner) -> tuple[str, tuple[str, ...]]:
    """Submits a job that makes files, which are downloaded later. Blocks.

    Returns the job's name and the folders of the scene's File Output nodes.
    """
    client = BlockingClient(request.settings, owner)
    try:
        client.connect()
        submission, folders = upload_submission(client, request.submission, request.local_blender, owner)
        return client.request("jobs.submit", with_output_folder(submission, template)).job, folders
    finally:
        client.close()


def check_scene(request: RenderRequest, owner: ClientOwner) -> SceneCheck:
    """Has the bridge check a scene; the upload is deleted when the connection ends. Blocks."""
    client = BlockingClient(request.settings, owner)
    try:
        client.connect()
        path, blender, _ = upload_scene(client, request.submission["scenePath"], request.local_blender, owner)
        owner.status("The bridge is checking the scene")
        return client.request("scene.check", {**request.submission, "scenePath": path, "blender": blender}, seconds=None)
    finally:
        client.close()


def with_output_folder(submission: JobSubmission, template: str) -> JobSubmission:
    """The scene's output path and video with the folder replaced; the names stay."""
    moved: JobSubmission = {**submission, "output": f"{OUTPUT_FOLDER}/{name_of(template)}"}
    video = submission.get("video")
    if video is not None:
        moved["video"] = f"{OUTPUT_FOLDER}/{name_of(video)}"
    return moved


def local_path_of(output: str, scene: str, folder: str, node_folders: tuple[str, ...]) -> str | None:
    """The local path for a finished file; None for a path outside the job's output folder, which is never written."""
    upload = scene.replace("\\", "/").split("/")[-2:-1]
    _, is_inside, name = output.replace("\\", "/").partition(f"/{''.join(upload)}/{OUTPUT_FOLDER}/")
    parts = name.split("/")
    if not is_inside or not all(upload) or any(part in {"", ".", ".."} or ":" in part for part in parts):
        return None
    number = NODE_FOLDER.fullmatch(parts[0])
    if number is None or len(parts) == 1:
        return str(Path(folder, *parts))
    index = int(number[1])
    return str(Path(node_folders[index], *parts[1:])) if index < len(node_folders) else None


def upload_submission(
    client: BlockingClient, submission: JobSubmission, local_blender: LocalBlender, owner: ClientOwner
) -> tuple[JobSubmission, tuple[str, ...]]:
    """The submission with the paths of the bridge's computer, and the folders of File Output nodes.

    The local copy is removed in any case. Raises OperationFailed, Interrupted.
    """
    path, blender, folders = upload_scene(client, submission["scenePath"], local_blender, owner)
    return {**submission, "scenePath": path, "blender": blender, "cwd": None}, folders


def upload_scene(
    client: BlockingClient, copy: str, local_blender: LocalBlender, owner: ClientOwner
) -> tuple[str, str, tuple[str, ...]]:
    """Returns the uploaded copy's path and the path of the same Blender, both there, and the folders of File Output nodes."""
    try:
        blender = matching_blender(client.request("swarm.status", {}), local_blender)
        owner.status("Packing the files of the scene into the copy")
        folders = make_self_contained(local_blender.program, copy, owner.is_stopped)
        return client.upload(copy), blender, folders
    finally:
        shutil.rmtree(Path(copy).parent, ignore_errors=True)


def matching_blender(status: SwarmStatus, local_blender: LocalBlender) -> str:
    """The path of the bridge's Blender that renders the same pixels as this one. Raises OperationFailed."""
    computer = status.this_computer
    for build in computer.blenders:
        if is_same_build(local_blender, build):
            return build.path
    theirs = ", ".join(build.version for build in computer.blenders) or "none"
    raise OperationFailed(
        f"The bridge's computer {computer.name} does not have this Blender {local_blender.version} (it has: {theirs}): "
        "install the same version there."
    )
