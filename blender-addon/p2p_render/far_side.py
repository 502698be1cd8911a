# SPDX-License-Identifier: GPL-2.0-or-later
"""What a wish needs for a bridge that has another disk: a copy that needs no other file, sent there, and the same Blender found there."""

import os
import re
import shutil
from pathlib import Path

from .arrivals import name_of
from .builds import same_as
from .conversation import Conversation, RunFailed
from .portable import make_portable

# Beside the scene that was sent: the bridge keeps it until the job is let go.
OUTPUT_FOLDER = "out"
NODE_FOLDER = re.compile(r"folder-(\d{1,4})")  # as pack_copy.py numbers them


def submit(order, template, owner):
    """Has finished files made, which are fetched: the job's name, and the folders of File Output nodes. On a thread that may wait."""
    talk = Conversation(order.place, owner)
    try:
        talk.connect()
        path, blender, folders = scene_for(talk, order.submission["scenePath"], order.own, owner)
        submission = {**order.submission, "scenePath": path, "blender": blender, "cwd": None}
        return talk.ask("jobs.submit", files_submission(submission, template)).job, folders
    finally:
        talk.close()


def look(order, owner):
    """Has the bridge look at a scene, which goes with the connection. On a thread that may wait."""
    talk = Conversation(order.place, owner)
    try:
        talk.connect()
        path, blender, _ = scene_for(talk, order.submission["scenePath"], order.own, owner)
        owner.stats("The bridge looks at the scene")
        return talk.ask("scene.check", {**order.submission, "scenePath": path, "blender": blender}, seconds=None)
    finally:
        talk.close()


def files_submission(submission, template):
    """The scene's own output, by another folder only."""
    video = {"video": f"{OUTPUT_FOLDER}/{name_of(submission['video'])}"} if "video" in submission else {}
    return {**submission, "output": f"{OUTPUT_FOLDER}/{name_of(template)}", **video}


def place_of(output, scene, folder, folders):
    """Where a finished file belongs on this computer; None for one that is not the job's to give."""
    upload = scene.replace("\\", "/").split("/")[-2:-1]
    _, is_ours, name = output.replace("\\", "/").partition(f"/{''.join(upload)}/{OUTPUT_FOLDER}/")
    parts = name.split("/")
    if not is_ours or not all(upload) or any(part in {"", ".", ".."} or ":" in part for part in parts):
        return None
    number = NODE_FOLDER.fullmatch(parts[0])
    if number is None or len(parts) == 1:
        return os.path.join(folder, *parts)
    return os.path.join(folders[int(number[1])], *parts[1:]) if int(number[1]) < len(folders) else None


def submission_for(talk, submission, own, owner):
    """The wish in the words of the bridge's computer; the copy goes from here, whatever becomes of it. Raises RunFailed, Interrupted."""
    path, blender, _ = scene_for(talk, submission["scenePath"], own, owner)
    return {**submission, "scenePath": path, "blender": blender, "cwd": None}


def scene_for(talk, copy, own, owner):
    """Sends a copy; where it lies then, the Blender there that is this one, and the folders of the scene's File Output nodes."""
    try:
        blender = blender_there(talk.ask("swarm.status", {}), own)
        owner.stats("What the scene reads is packed into the copy")
        folders = make_portable(own.program, copy, owner.is_stopped)
        return talk.send(copy), blender, folders
    finally:
        shutil.rmtree(Path(copy).parent, ignore_errors=True)


def blender_there(status, own):
    """Path of the bridge's Blender that gives the same pixels as this one. Raises RunFailed."""
    there = status.this_computer
    for build in there.blenders:
        if same_as(own, build):
            return build.path
    theirs = ", ".join(build.version for build in there.blenders) or "none"
    raise RunFailed(f"The bridge's computer {there.name} has not this Blender {own.version} (it has: {theirs}): install the same there.")
