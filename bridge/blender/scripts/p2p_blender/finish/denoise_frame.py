# SPDX-License-Identifier: GPL-2.0-or-later
"""Denoises an assembled frame of noisy tiles as Cycles denoises its own render: bit for bit where the recipe is "mean" or "sum".

What Cycles does (integrator/denoiser_oidn.cpp, pass_accessor.cpp, film/read.h), with the letters of `common/denoise_recipe.py`:
where it keeps a count n of each pixel's samples the denoiser gets S * (1/n), and its answer D is shown as (D * n) * ((1/n) * E);
else it gets S, and D is shown as D * ((1/N) * E). Alpha is never denoised. All in 32-bit floats, in this order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..common import oidn
from ..common.wire import Json, ScriptError
from .float_planes import FloatPlanes

ONE = np.float32(1)
# The albedo that guides the denoising of shadows, which have no colour of their own.
SHADOW_ALBEDO = np.float32(0.5)
WORLD_PASSES = ("Env", "Environment")
# Beside Combined, what Cycles multiplies by the film exposure: names before 5.0, and from 5.0 on.
EXPOSED_PASSES = ("Emit", "Env", "VolumeDir", "VolumeInd", "Emission", "Environment", "Volume Direct", "Volume Indirect")


def denoise_frame(request: Json, tell: Callable[[float], None]) -> None:
    """Fills the denoised channels of `to` from the noisy frame `from`; all others lie there already. `tell`: the share that is done."""
    recipe = request["recipe"]
    denoised = [layer for layer in recipe["layers"] if layer["denoised"]]
    progress = Progress(tell, len(denoised) * len(request["views"]) * filters_of(recipe))
    try:
        with (
            FloatPlanes(request["from"], "read") as noisy,
            FloatPlanes(request["to"], "write") as final,
            oidn.Device(request["threads"]) as device,
        ):
            for layer in recipe["layers"]:
                for view in request["views"]:
                    View(recipe, layer, view, Files(noisy, final)).finish(Denoiser(device, recipe, progress))
    except KeyError as error:
        raise ScriptError("FINISHING_FAILED", f"the assembled picture lacks the channel {error.args[0]}") from error


def filters_of(recipe: Json) -> int:
    """How often the denoiser runs for a view of a layer."""
    guides = {"RGB": 0, "RGB_ALBEDO": 1, "RGB_ALBEDO_NORMAL": 2}[recipe["guides"]]
    return (guides if recipe["prefilter"] == "ACCURATE" else 0) + 1 + int(recipe["catcher"])


class Files(NamedTuple):
    noisy: FloatPlanes
    final: FloatPlanes


# The least step of the share that is told.
TOLD_STEP = 0.02


class Progress:
    """Counts the filters of a frame."""

    def __init__(self, tell: Callable[[float], None], filters: int) -> None:
        self._tell = tell
        self._filters = max(1, filters)
        self._done = 0
        self._told = 0.0

    def inside(self, share: float) -> None:
        """The running filter is at this share."""
        now = min(1.0, (self._done + share) / self._filters)
        if now - self._told >= TOLD_STEP:
            self._told = now
            self._tell(now)

    def next(self) -> None:
        self._done += 1
        if self._done == self._filters:
            self._tell(1.0)


class Denoiser:
    """One view of one layer: its guides are filtered once, and serve every pass."""

    def __init__(self, device: oidn.Device, recipe: Json, progress: Progress) -> None:
        self._device = device
        self._recipe = recipe
        self._progress = progress
        self._guides: dict[str, np.ndarray] = {}

    def take_guides(self, albedo: np.ndarray, normal: np.ndarray) -> None:
        if self._recipe["guides"] != "RGB":
            self._guides["albedo"] = np.ascontiguousarray(albedo)
        if self._recipe["guides"] == "RGB_ALBEDO_NORMAL":
            self._guides["normal"] = np.ascontiguousarray(normal)
        if self._recipe["prefilter"] == "ACCURATE":
            for name, image in self._guides.items():
                self._run({name: image, "output": image}, {})

    def run(self, color: np.ndarray, *, is_shadow: bool = False) -> np.ndarray:
        """The denoised colour [height, width, 3]."""
        image = np.array(color, dtype=np.float32, order="C")
        guides = dict(self._guides)
        if is_shadow and "albedo" in guides:
            guides["albedo"] = np.full_like(guides["albedo"], SHADOW_ALBEDO)
        flags: dict[str, int | bool] = {"hdr": True, "srgb": False}
        if self._recipe["prefilter"] != "FAST":
            flags["cleanAux"] = True
        self._run({"color": image, **guides, "output": image}, flags)
        return image

    def _run(self, images: dict[str, np.ndarray], flags: dict[str, int | bool]) -> None:
        self._device.run(images, {"quality": oidn.QUALITY[self._recipe["quality"]], **flags}, self._progress.inside)
        self._progress.next()


class View:
    """One view of one view layer."""

    def __init__(self, recipe: Json, layer: Json, view: str, files: Files) -> None:
        self._recipe, self._layer, self._files = recipe, layer, files
        self._name = layer["name"]
        self._ending = f".{view}." if view else "."
        self._exposure = np.float32(recipe["exposure"])

    def finish(self, denoiser: Denoiser) -> None:
        found, alpha = self._read("Combined"), self._read("Combined", "A")[..., 0]
        counts = self._counts(alpha.shape)
        mean_scale = ONE / counts
        shown_scale = mean_scale * self._exposure
        total, noisy = self._sums(found, shown_scale)
        if self._recipe["way"] == "sum":
            self._put_back_exposure(shown_scale)
        if not self._layer["denoised"]:
            if self._recipe["way"] == "sum":
                self._write("Combined", noisy)
            return
        denoiser.take_guides(self._read("Denoising Albedo"), self._read("Denoising Normal", "XYZ"))
        if self._layer["counted"]:
            color = (denoiser.run(self._means(found, total, mean_scale)) * counts) * shown_scale
        else:
            color = denoiser.run(total) * shown_scale
        if self._recipe["catcher"]:
            (color, alpha), (noisy, noisy_alpha) = self._shadows(denoiser, (color, noisy), alpha, (counts, shown_scale))
        else:
            noisy_alpha = alpha
        self._write("Combined", np.concatenate([color, alpha[..., None]], -1), "RGBA")
        self._write("Noisy Image", np.concatenate([noisy, noisy_alpha[..., None]], -1), "RGBA")

    def _counts(self, shape: tuple[int, ...]) -> np.ndarray:
        """Samples of each pixel, [height, width, 1]."""
        if self._recipe["adaptive"] and self._layer["denoised"]:
            counts = self._read("Debug Sample Count", "X")
            # A stranger's count may be anything; it decides nothing but roundings.
            return np.where((counts >= 1) & (counts <= self._layer["samples"]), counts, np.float32(self._layer["samples"]))
        return np.full((*shape, 1), self._layer["samples"], np.float32)

    def _sums(self, found: np.ndarray, shown_scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """S, and the noisy picture that Cycles would show."""
        if self._recipe["way"] == "sum":
            total = sums_of(found, np.float32(self._recipe["film"]["scale"]))
            return total, total * shown_scale
        return sums_of(found, shown_scale), found

    def _means(self, found: np.ndarray, total: np.ndarray, mean_scale: np.ndarray) -> np.ndarray:
        return found / self._exposure if self._recipe["way"] == "mean" else total * mean_scale

    def _shadows(
        self,
        denoiser: Denoiser,
        colors: tuple[np.ndarray, np.ndarray],
        alpha: np.ndarray,
        scales: tuple[np.ndarray, np.ndarray],
    ) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Denoised and noisy (colour, alpha) with what the shadow catcher caught."""
        counts, shown_scale = scales
        color, noisy = colors
        noisy_shadow = self._read("Shadow Catcher")
        shadow = (denoiser.run(noisy_shadow, is_shadow=True) * counts) * shown_scale
        if self._layer["catcherPass"]:
            self._write("Shadow Catcher", shadow)
            self._write("Noisy Shadow Catcher", noisy_shadow)
            return (color, alpha), (noisy, alpha)
        world = None
        if not self._recipe["transparent"]:
            world = self._read(next(name for name in WORLD_PASSES if self._has(name)))
            if self._recipe["way"] == "sum":
                world = sums_of(world, np.float32(self._recipe["film"]["scale"])) * shown_scale
        return with_shadow(color, alpha, shadow, world), with_shadow(noisy, alpha, noisy_shadow, world)

    def _put_back_exposure(self, shown_scale: np.ndarray) -> None:
        """Passes beside Combined that the worker's film exposure changed."""
        scale = np.float32(self._recipe["film"]["scale"])
        groups = re.compile(re.escape(f"{self._name}.Combined_") + r"(.*)" + re.escape(f"{self._ending}R"))
        lights = [f"Combined_{found[1]}" for name in self._files.noisy.names if (found := groups.fullmatch(name))]
        for name in (*EXPOSED_PASSES, *lights):
            if self._has(name) and self._files.final.has(f"{self._name}.{name}{self._ending}R"):
                self._write(name, sums_of(self._read(name), scale) * shown_scale)

    def _has(self, render_pass: str) -> bool:
        return self._files.noisy.has(f"{self._name}.{render_pass}{self._ending}R")

    def _read(self, render_pass: str, ids: str = "RGB") -> np.ndarray:
        return self._files.noisy.read(f"{self._name}.{render_pass}{self._ending}", ids)

    def _write(self, render_pass: str, values: np.ndarray, ids: str = "RGB") -> None:
        self._files.final.write(f"{self._name}.{render_pass}{self._ending}", ids, values)


def sums_of(values: np.ndarray, scale: np.ndarray | np.float32) -> np.ndarray:
    """The float S with S * scale == values: the only one where the scale is (nearly) a power of two, else one of at most two."""
    sums = (values.astype(np.float64) / scale).astype(np.float32)
    for direction in (np.float32(-np.inf), np.float32(np.inf)):
        near = np.nextafter(sums, direction)
        sums = np.where((sums * scale != values) & (near * scale == values), near, sums)
    return sums


def with_shadow(
    color: np.ndarray, alpha: np.ndarray, shadow: np.ndarray, world: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Cycles' approximate shadow catcher: the shadow as alpha, or laid over the world where the film is opaque."""
    average = ((shadow[..., 0] + shadow[..., 1]) + shadow[..., 2]) * np.float32(1.0 / 3.0)
    covered = (ONE - alpha) * (ONE - np.clip(average, np.float32(0), ONE)) + alpha
    if world is None:
        return color, covered
    # One rounding: the compiled code uses a fused multiply-add (on processors with AVX2).
    laid = world.astype(np.float64) * (ONE - covered)[..., None].astype(np.float64) + color.astype(np.float64)
    return laid.astype(np.float32), np.ones_like(alpha)
