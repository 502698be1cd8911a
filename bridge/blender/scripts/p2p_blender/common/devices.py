# SPDX-License-Identifier: GPL-2.0-or-later
"""Which devices Cycles has, and which of them it renders on."""

from __future__ import annotations

from typing import Any

import bpy

from . import cycles
from .wire import Json

# As Cycles names its backends; the processor is none of them.
BACKENDS = ("OPTIX", "CUDA", "HIP", "ONEAPI", "METAL")


def list_devices(_: object = None) -> list[Json]:
    """Every GPU that this Blender's Cycles sees, in each way in which it could use it."""
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
    """Renders on exactly these devices from now on, the processor not among them. Returns those that are not there: then on none of them."""
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
    """Renders on the processor from now on."""
    preferences = _preferences()
    if preferences is not None:
        preferences.compute_device_type = "NONE"


def apply_to_scenes() -> None:
    """What a scene says of devices does not count: its pictures come from what the owner of this machine gives."""
    preferences = _preferences()
    wanted = "CPU" if preferences is None or preferences.compute_device_type == "NONE" else "GPU"
    for scene in bpy.data.scenes:
        if scene.library is None and cycles.has_settings(scene) and cycles.settings(scene).device != wanted:
            cycles.settings(scene).device = wanted


def _preferences() -> Any:
    """Cycles' own; None for a Blender built without it."""
    preferences = bpy.context.preferences
    addon = None if preferences is None else preferences.addons.get("cycles")
    return None if addon is None else addon.preferences
