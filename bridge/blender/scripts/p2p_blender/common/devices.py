# SPDX-License-Identifier: GPL-2.0-or-later
"""Which devices Cycles has, and which of them it renders on."""

from __future__ import annotations

from typing import Any

import bpy

from . import cycles
from .wire import Json

# Cycles' names of its GPU backends.
BACKENDS = ("OPTIX", "CUDA", "HIP", "ONEAPI", "METAL")


def list_devices(_: object = None) -> list[Json]:
    """Every GPU that Cycles sees, once for each backend that supports it."""
    preferences = _preferences()
    if preferences is None:
        return []
    return [
        {"backend": backend, "id": device.id, "name": device.name}
        for backend in BACKENDS
        for device in preferences.get_devices_for_type(backend)
        if device.type == backend
    ]


def use_devices(request: Json) -> list[str]:
    """Renders on exactly these GPUs from now on, without the CPU. Returns the missing ones; if there are any, the CPU is used."""
    preferences = _preferences()
    backend, wanted = request["backend"], set(request["ids"])
    missing = wanted - {device["id"] for device in list_devices() if device["backend"] == backend}
    if missing:
        use_cpu()
        return sorted(missing)
    preferences.compute_device_type = backend
    for device in preferences.devices:
        device.use = device.type == backend and device.id in wanted
    return []


def use_cpu() -> None:
    """Renders on the CPU from now on."""
    preferences = _preferences()
    if preferences is not None:
        preferences.compute_device_type = "NONE"


def apply_to_scenes() -> None:
    """Overrides the scenes' own device setting: the owner of this machine decides which devices render."""
    preferences = _preferences()
    wanted = "CPU" if preferences is None or preferences.compute_device_type == "NONE" else "GPU"
    for scene in bpy.data.scenes:
        if scene.library is None and cycles.has_settings(scene) and cycles.settings(scene).device != wanted:
            cycles.settings(scene).device = wanted


def renders_on_gpu(scene: bpy.types.Scene) -> bool:
    """Whether this Blender renders the scene on a GPU."""
    preferences = _preferences()
    has_gpu = preferences is not None and preferences.compute_device_type != "NONE"
    return has_gpu and cycles.settings(scene).device == "GPU"


def _preferences() -> Any:
    """Cycles' preferences; None in a Blender built without it."""
    preferences = bpy.context.preferences
    addon = None if preferences is None else preferences.addons.get("cycles")
    return None if addon is None else addon.preferences
