# SPDX-License-Identifier: GPL-2.0-or-later
"""The real bridge of this checkout, in a home and a swarm of its own."""

import json
import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

from time_limit import time_limit, until

PROJECT = Path(__file__).resolve().parents[3]
PROGRAM = PROJECT / "bridge" / "bin" / "bridge.mjs"


class RealBridge:
    """`environment` is what an add-on needs to find it, or to start it again."""

    def __init__(self, home: Path, *options: str, hidden: Path | None = None) -> None:
        self.home = Path(home)
        self._before = hiding(hidden) if hidden else ()
        self.environment = {"BRIDGE_HOME": str(self.home), "P2P_RENDER_BRIDGE": str(PROJECT)}
        self._options = options

    def __enter__(self) -> "RealBridge":
        self.home.mkdir(parents=True, exist_ok=True)
        log = (self.home / "serve.log").open("ab")
        words = [
            "serve",
            "--json",
            "--home",
            str(self.home),
            "--swarm",
            f"test-{uuid.uuid4().hex}",
            "--no-lan",
            "--until-idle",
            "5m",
        ]
        self._process = subprocess.Popen(
            [*self._before, shutil.which("node") or "node", str(PROGRAM), *words, *self._options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        note = self.home / "gateway.json"
        until(lambda: note.exists() or self._process.poll() is not None, self._log)
        assert note.exists(), self._log()
        return self

    def _log(self) -> str:
        return (self.home / "serve.log").read_text("utf-8")

    def kill(self) -> None:
        """As kill -9 does, including the process that started a newer Node."""
        os.kill(json.loads((self.home / "gateway.json").read_text("utf-8"))["pid"], signal.SIGKILL)
        self._process.wait(time_limit(30))

    def __exit__(self, *_: object) -> None:
        stop_serving(self.home)
        self._process.wait(time_limit(60))


def hiding(folder: Path) -> tuple[str, ...]:
    """The prefix of a command that hides a folder from it, as if it ran on another computer."""
    return ("unshare", "-rm", "sh", "-c", 'mount -t tmpfs none "$1" && shift && exec "$@"', "sh", str(folder))


def can_hide(folder: Path) -> bool:
    """Whether this system allows it."""
    return (
        shutil.which("unshare") is not None
        and subprocess.run([*hiding(folder), "true"], capture_output=True, check=False).returncode == 0
    )


def stop_serving(home: Path) -> None:
    """Ends the bridge that serves a home, also one that an add-on has started."""
    note = Path(home) / "gateway.json"
    try:
        pid = json.loads(note.read_text("utf-8"))["pid"]
        os.kill(pid, signal.SIGTERM)
    except (OSError, ValueError, KeyError):
        return
    until(lambda: not (Path(f"/proc/{pid}").exists() and note.exists()), lambda: f"the bridge of {home} does not end")
