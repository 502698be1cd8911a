# SPDX-License-Identifier: GPL-2.0-or-later
"""The OpenImageDenoise library that this Blender has loaded itself, called as Cycles calls it (C API of OIDN 2, through ctypes).

Never another library: its network might be another, and the picture with it.
"""

from __future__ import annotations

import ctypes
import glob
import importlib.util
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    import numpy as np

# OIDNDeviceType, OIDNFormat and OIDNQuality of oidn.h.
CPU, FLOAT3 = 1, 3
QUALITY = {"HIGH": 6, "BALANCED": 5, "FAST": 4}
# A Cycles with this in its environment denoises with other weights.
WEIGHTS_VARIABLE = "CYCLES_OIDN_CUSTOM_WEIGHTS"

# Called with the share that is done, 0 to 1.
Progress = Callable[[float], None]
MONITOR = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_double)


def is_usable() -> bool:
    """Whether this Blender can denoise an assembled frame as its Cycles would."""
    return WEIGHTS_VARIABLE not in os.environ and importlib.util.find_spec("numpy") is not None and library_path() is not None


def library_path() -> str | None:
    """The library that this process has loaded."""
    if sys.platform == "linux":
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            paths = (line.rstrip("\n").split(maxsplit=5)[-1] for line in maps)
            return next((path for path in paths if os.path.basename(path).startswith("libOpenImageDenoise.so")), None)
    if sys.platform == "win32":
        return "OpenImageDenoise.dll"  # found by name: the one that the process has loaded
    folder = os.path.join(os.path.dirname(bpy.app.binary_path), "..", "Resources", "lib")
    return min(glob.glob(os.path.join(folder, "libOpenImageDenoise*.dylib")), default=None)


class Device:
    """A denoiser on the processor."""

    def __init__(self, threads: int = 0) -> None:
        self._lib = loaded_library()
        self._device = self._lib.oidnNewDevice(CPU)
        self._lib.oidnSetDeviceBool(self._device, b"setAffinity", False)
        if threads:
            self._lib.oidnSetDeviceInt(self._device, b"numThreads", threads)
        self._lib.oidnCommitDevice(self._device)
        self._check()

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self._lib.oidnReleaseDevice(self._device)

    def run(self, images: dict[str, np.ndarray], flags: dict[str, int | bool], progress: Progress) -> None:
        """Runs one filter over float32 images [height, width, 3], rows from bottom to top; `images` names inputs and the output."""
        lib = self._lib
        filtering = lib.oidnNewFilter(self._device, b"RT")

        def report(_: Any, done: float) -> bool:
            progress(done)
            return True

        monitor = MONITOR(report)
        try:
            for name, image in images.items():
                height, width = image.shape[:2]
                row, pixel = image.strides[:2]
                lib.oidnSetSharedFilterImage(filtering, name.encode(), image.ctypes.data, FLOAT3, width, height, 0, pixel, row)
            for name, value in flags.items():
                setter = lib.oidnSetFilterBool if isinstance(value, bool) else lib.oidnSetFilterInt
                setter(filtering, name.encode(), value)
            lib.oidnSetFilterProgressMonitorFunction(filtering, monitor, None)
            lib.oidnCommitFilter(filtering)
            self._check()
            lib.oidnExecuteFilter(filtering)
            self._check()
        finally:
            lib.oidnReleaseFilter(filtering)

    def _check(self) -> None:
        message = ctypes.c_char_p()
        if self._lib.oidnGetDeviceError(self._device, ctypes.byref(message)):
            raise RuntimeError(f"OpenImageDenoise: {(message.value or b'unknown error').decode()}")


def loaded_library() -> Any:
    """The library with the types of the functions that are used."""
    path = library_path()
    if path is None:
        raise RuntimeError("this Blender has no OpenImageDenoise library")
    lib = ctypes.CDLL(path)
    pointer, text, size, number, switch = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_bool
    declared: dict[str, tuple[Any, list[Any]]] = {
        "oidnNewDevice": (pointer, [number]),
        "oidnSetDeviceBool": (None, [pointer, text, switch]),
        "oidnSetDeviceInt": (None, [pointer, text, number]),
        "oidnCommitDevice": (None, [pointer]),
        "oidnReleaseDevice": (None, [pointer]),
        "oidnGetDeviceError": (number, [pointer, ctypes.POINTER(text)]),
        "oidnNewFilter": (pointer, [pointer, text]),
        "oidnSetSharedFilterImage": (None, [pointer, text, pointer, number, *[size] * 5]),
        "oidnSetFilterBool": (None, [pointer, text, switch]),
        "oidnSetFilterInt": (None, [pointer, text, number]),
        "oidnSetFilterProgressMonitorFunction": (None, [pointer, MONITOR, pointer]),
        "oidnCommitFilter": (None, [pointer]),
        "oidnExecuteFilter": (None, [pointer]),
        "oidnReleaseFilter": (None, [pointer]),
    }
    for name, (result, arguments) in declared.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib
