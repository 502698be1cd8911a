# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Blender window on its own Xvfb screen, with mouse, keyboard and screenshots."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from time_limit import rest, time_limit, until

COMMAND_SERVER = Path(__file__).parents[1] / "inside" / "command_server.py"
SIZE = (1600, 900)


class VirtualScreen:
    """An X server without a screen; `environment` is what programs on it need."""

    def __init__(self, *options: str) -> None:
        self._options = options

    def __enter__(self) -> "VirtualScreen":
        reading, writing = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-nolisten", "tcp", *self._options],
            pass_fds=[writing],
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with os.fdopen(reading) as pipe:
            self.environment = {"DISPLAY": f":{pipe.readline().strip()}", "LIBGL_ALWAYS_SOFTWARE": "1"}
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        self._server.wait()

    def run(self, *words: str) -> str:
        return subprocess.run(words, env={**os.environ, **self.environment}, check=True, capture_output=True, text=True).stdout

    def click(self, x: int, y: int) -> None:
        self.run("xdotool", "mousemove", str(x), str(y))
        rest(0.4)  # buttons light up before they can be pressed
        self.run("xdotool", "click", "1")

    def key(self, name: str, x: int, y: int) -> None:
        self.run("xdotool", "mousemove", str(x), str(y))
        rest(0.2)
        self.run("xdotool", "key", name)

    def picture(self, path: Path) -> Path:
        """A screenshot."""
        self.run("import", "-window", "root", str(path))
        return path


class BlenderWindow:
    """A Blender with empty preferences, in `folder`; `do` runs code on its main thread and returns `answer`."""

    def __init__(
        self,
        screen: VirtualScreen,
        folder: Path,
        blender: str,
        environment: dict[str, str] | None = None,
        before: tuple[str, ...] = (),
    ) -> None:
        self._screen = screen
        self._before = before
        self._folder = Path(folder)
        self._blender = blender
        self._environment = environment or {}

    def __enter__(self) -> "BlenderWindow":
        self._folder.mkdir(parents=True, exist_ok=True)
        port_file = self._folder / "port"
        port_file.unlink(missing_ok=True)
        own = {f"BLENDER_USER_{what}": self._folder / what.lower() for what in ("CONFIG", "SCRIPTS", "DATAFILES", "EXTENSIONS")}
        for folder in own.values():
            folder.mkdir(exist_ok=True)  # Blender ignores folders that do not exist
        self._log = (self._folder / "blender.log").open("ab")
        self._process = subprocess.Popen(
            [
                *self._before,
                self._blender,
                "--window-geometry",
                "0",
                "0",
                *map(str, SIZE),
                "--python",
                str(COMMAND_SERVER),
                "--",
                str(port_file),
            ],
            env={
                **plain_environment(),
                **self._screen.environment,
                **{name: str(folder) for name, folder in own.items()},
                **self._environment,
            },
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        port = self._until(lambda: port_file.exists() and port_file.read_text(), 120, "Blender's window did not come up")
        self._socket = socket.create_connection(("127.0.0.1", int(port)), timeout=time_limit(300))
        self._lines = self._socket.makefile("rwb")
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """As kill -9 does."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def quit(self) -> None:
        """As the artist closes it."""
        self.do("bpy.app.timers.register(lambda: bpy.ops.wm.quit_blender() and None, first_interval=0.1)")
        self._process.wait(time_limit(60))

    def do(self, code: str, **values: object) -> Any:
        """Runs `code`; `{name}` in it stands for a value."""
        given = "".join(f"{name} = {value!r}\n" for name, value in values.items())
        self._lines.write(json.dumps({"code": given + code}).encode() + b"\n")
        self._lines.flush()
        line = self._lines.readline()
        assert line, f"Blender has gone: {self.log()}"
        reply = json.loads(line)
        assert "error" not in reply, reply["error"]
        return reply["answer"]

    def until(self, code: str, seconds: float, **values: object) -> Any:
        """Repeats until the answer is true."""
        return self._until(lambda: self.do(code, **values), seconds, f"never true: {code}")

    def log(self) -> str:
        return (self._folder / "blender.log").read_text("utf-8", "replace")[-3000:]

    def _until(self, look: Callable[[], Any], seconds: float, complaint: str) -> Any:
        def look_while_it_runs() -> Any:
            assert self._process.poll() is None, self.log()
            return look()

        return until(look_while_it_runs, lambda: f"{complaint}\n{self.log()}", seconds)


def plain_environment() -> dict[str, str]:
    """Without another Python first on the PATH, whose modules Debian's Blender would import."""
    return {**os.environ, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def blender_here() -> str:
    """The Blender that tests run in."""
    return os.environ.get("BLENDER_PATH") or shutil.which("blender") or "blender"
