# SPDX-License-Identifier: GPL-2.0-or-later
"""Blender's own build from PyPI (the module bpy), behaving like the program `blender` on a command line.

Official builds carry what distributions leave out, OpenImageDenoise above all. Flags are taken in their order, as
Blender takes them; those that our code and tests use, and an error for all others.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

sys.path.append(str(Path(__file__).absolute().parents[2] / "blender" / "scripts"))
from p2p_blender.common import compat
from p2p_blender.common.context import context_scene


class Line:
    """The command line, and the options parsed so far."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.python_exit_code = 0
        self.failed = False

    def take(self) -> str:
        return self.words.pop(0)

    def run(self) -> int:
        if "--version" in self.words:
            print(f"Blender {bpy.app.version_string}")
            return 0
        if "--factory-startup" in self.words:
            bpy.ops.wm.read_factory_settings()
        bpy.context.preferences.filepaths.use_scripts_auto_execute = "--disable-autoexec" not in self.words
        while self.words and self.words[0] != "--":
            word = self.take()
            if word.startswith("-"):
                FLAGS[word](self)
            else:
                self.open(word)
        return self.python_exit_code if self.failed else 0

    def open(self, path: str) -> None:
        try:
            bpy.ops.wm.open_mainfile(filepath=str(Path(path).absolute()), use_scripts="--disable-autoexec" not in sys.argv)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            sys.exit(1)

    def python(self, code: str, name: str) -> None:
        space = {"__name__": "__main__", "__file__": name}
        try:
            sys.path.insert(0, str(Path(name).absolute().parent))
            exec(compile(code, name, "exec"), space)
        except SystemExit:
            raise
        except BaseException:  # noqa: BLE001 - as Blender does: prints the error and continues
            traceback.print_exc()
            self.failed = True
            if self.python_exit_code:
                sys.exit(self.python_exit_code)

    def script(self) -> None:
        path = self.take()
        self.python(Path(path).read_text("utf-8"), path)

    def threads(self) -> None:
        count = int(self.take())
        for scene in bpy.data.scenes:
            scene.render.threads_mode = "FIXED" if count else "AUTO"
            scene.render.threads = max(1, count)

    def frames(self) -> None:
        for frame in self.take().split(","):
            render(int(frame), int(frame))

    def set_scene(self) -> None:
        name = self.take()
        if name in bpy.data.scenes:
            bpy.context.window.scene = bpy.data.scenes[name]


def render(start: int, end: int) -> None:
    compat.render_frames(context_scene(), start, end)


def setter(owner: Callable[[], Any], name: str, kind: Callable[[str], Any] = str) -> Callable[[Line], None]:
    def apply(line: Line) -> None:
        setattr(owner(), name, kind(line.take()))

    return apply


def scene_now() -> Any:
    return bpy.context.scene


def render_now() -> Any:
    return bpy.context.scene.render


FLAGS = {
    "-b": lambda line: None,
    "--factory-startup": lambda line: None,
    "--disable-autoexec": lambda line: None,
    "--python-exit-code": lambda line: setattr(line, "python_exit_code", int(line.take())),
    "-P": Line.script,
    "--python": Line.script,
    "--python-expr": lambda line: line.python(line.take(), "<string>"),
    "-t": Line.threads,
    "-S": Line.set_scene,
    "-o": setter(render_now, "filepath"),
    "-F": lambda line: setattr(render_now().image_settings, "file_format", line.take()),
    "-x": setter(render_now, "use_file_extension", lambda word: word == "1"),
    "-s": setter(scene_now, "frame_start", int),
    "-e": setter(scene_now, "frame_end", int),
    "-j": setter(scene_now, "frame_step", int),
    "-E": setter(render_now, "engine"),
    "-f": Line.frames,
    "-a": lambda line: render(scene_now().frame_start, scene_now().frame_end),
}

sys.exit(Line(sys.argv[1:]).run())
