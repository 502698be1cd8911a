# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts a bridge on this computer. It outlives Blender, so that its jobs continue."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .discovery import BridgeSettings, Endpoint, find_running, home_of, why_unreachable

# A bridge that the add-on started ends by itself after so long without a client or a job.
IDLE = "10m"
LOG_LINES = 4
# DETACHED_PROCESS and CREATE_NEW_PROCESS_GROUP.
WINDOWS_DETACHED = 0x00000208


class BridgeMissing(Exception):
    """There is no bridge to start; the text says what to do."""


class BridgeFailed(Exception):
    """The bridge was started and ended at once; the text is its own output."""


class StartedBridge:
    """A bridge that was started and may still be coming up."""

    def __init__(self, settings: BridgeSettings) -> None:
        if settings.address:
            raise BridgeMissing(why_unreachable(settings))
        self._settings = settings
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
        self._before = find_running(settings)
        self._process = subprocess.Popen(
            command_of(settings),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=plain_environment(),
            creationflags=WINDOWS_DETACHED if sys.platform == "win32" else 0,
            start_new_session=sys.platform != "win32",
        )

    def endpoint(self) -> Endpoint | None:
        """Where it listens, None while it starts. Raises BridgeFailed when it has ended."""
        found = find_running(self._settings)
        if found is not None and found != self._before:
            return found
        code = self._process.poll()
        if code is None:
            return None
        output = self._last_output()
        if "BRIDGE_RUNNING" in output:  # another Blender started one first
            return found
        raise BridgeFailed(f"The bridge could not be started: {output or f'it ended with exit code {code}'}.")

    def _last_output(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return " ".join(lines[-LOG_LINES:])


def command_of(settings: BridgeSettings) -> list[str]:
    """The command that starts the bridge. Raises BridgeMissing."""
    named = settings.program or os.environ.get("P2P_RENDER_BRIDGE", "")
    program = _program(Path(named).expanduser()) if named else _on_path()
    options = ["serve", "--json", "--until-idle", IDLE, "--home", str(home_of(settings))]
    return [*program, *options, *(["--swarm", settings.swarm] if settings.swarm else [])]


def _program(path: Path) -> list[str]:
    """A program, a Node script, or the folder of a checkout or an installed package."""
    if path.is_dir():
        path = path / "bridge" / "bin" / "bridge.mjs"
    if not path.is_file():
        raise BridgeMissing(f"There is no bridge at {path}: set its path in the add-on's preferences.")
    return [_node(), str(path)] if path.suffix == ".mjs" else [str(path)]


def _on_path() -> list[str]:
    found = shutil.which("p2p-render")
    if found is None:
        raise BridgeMissing("No bridge was found: install it, or set its path in the add-on's preferences.")
    return [found]


def _node() -> str:
    found = shutil.which("node")
    if found is None:
        raise BridgeMissing("The bridge needs Node.js, which was not found: install it from https://nodejs.org.")
    return found


def plain_environment() -> dict[str, str]:
    """Without the variables that Blender has set for its own Python: the bridge starts Blender processes, too."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
