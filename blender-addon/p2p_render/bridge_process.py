# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds the bridge that runs on this computer, or starts one. Plain Python: nothing here knows Blender."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .link import Endpoint

# A bridge that this add-on started ends by itself when nobody has needed it for so long.
IDLE = "10m"
LOG_LINES = 4


class BridgeMissing(Exception):
    """There is no bridge to start; the message says what to do."""


class BridgeFailed(Exception):
    """The bridge was started and ended at once; the message is its own."""


@dataclass(frozen=True)
class BridgePlace:
    """Where the bridge is, as the preferences say: empty texts leave it to us."""

    program: str = ""
    home: str = ""
    swarm: str = ""
    token: str = ""
    # 127.0.0.1:PORT, where the bridge is not found by its home: it runs on another computer, behind a tunnel.
    address: str = ""


def home_of(place):
    """The bridge's home folder; the same rule as bridge/config/home.ts."""
    wanted = place.home or os.environ.get("BRIDGE_HOME")
    return Path(wanted).expanduser().absolute() if wanted else _data_folder() / "p2p-render"


def _data_folder():
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def find_running(place):
    """The endpoint that a bridge has written down, or that was given, or None. It may be stale: then nobody answers there."""
    if place.address:
        return Endpoint(f"ws://{place.address}/", place.token) if is_address(place.address) and place.token else None
    try:
        note = json.loads((home_of(place) / "gateway.json").read_text("utf-8"))
        port, token_file = int(note["port"]), Path(note["tokenFile"])
        token = place.token or token_file.read_text("utf-8").strip()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Endpoint(f"ws://127.0.0.1:{port}/", token)


def is_address(text):
    """The door takes this computer's own two addresses only, and these letter by letter."""
    found = re.fullmatch(r"(?:127\.0\.0\.1|\[::1\]):([1-9]\d{0,4})", text)
    return found is not None and int(found[1]) <= 65535


def why_not_there(place):
    """What to do where nobody answers at an address: a bridge is never started then."""
    if not is_address(place.address):
        return f"{place.address} is no address of a bridge: write 127.0.0.1:PORT, with the port that the bridge has."
    if not place.token:
        return f"The bridge at {place.address} wants its token: copy it from gateway.token in the bridge's home."
    port = place.address.rpartition(":")[2]
    return f"No bridge answers at {place.address}. Does `bridge serve --port {port}` run there, and is the tunnel open?"


def command_of(place):
    """How the bridge is started. Raises BridgeMissing."""
    named = place.program or os.environ.get("P2P_RENDER_BRIDGE", "")
    program = _program(Path(named).expanduser()) if named else _on_path()
    options = ["serve", "--json", "--until-idle", IDLE, "--home", str(home_of(place))]
    return [*program, *options, *(["--swarm", place.swarm] if place.swarm else [])]


def _program(path):
    """A program, a script of Node's, or the folder of a checkout or an installed package."""
    if path.is_dir():
        path = path / "bridge" / "bin" / "bridge.mjs"
    if not path.is_file():
        raise BridgeMissing(f"There is no bridge at {path}: choose its place in the add-on's preferences.")
    return [_node(), str(path)] if path.suffix == ".mjs" else [str(path)]


def _on_path():
    found = shutil.which("p2p-render")
    if found is None:
        raise BridgeMissing("No bridge was found: install it, or choose its place in the add-on's preferences.")
    return [found]


def _node():
    found = shutil.which("node")
    if found is None:
        raise BridgeMissing("The bridge needs Node.js, which was not found: install it from https://nodejs.org.")
    return found


class StartedBridge:
    """A bridge that was started and may still come up. It outlives Blender: its jobs go on."""

    def __init__(self, place):
        if place.address:
            raise BridgeMissing(why_not_there(place))
        self._place = place
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
        self._before = find_running(place)
        apart = {"creationflags": 0x00000208} if sys.platform == "win32" else {"start_new_session": True}
        self._process = subprocess.Popen(
            command_of(place), stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT, env=plain_environment(), **apart
        )

    def endpoint(self):
        """Where it listens, None while it comes up. Raises BridgeFailed when it has ended."""
        found = find_running(self._place)
        if found is not None and found != self._before:
            return found
        code = self._process.poll()
        if code is None:
            return None
        said = self._last_words()
        if "BRIDGE_RUNNING" in said:  # another Blender was faster
            return found
        raise BridgeFailed(f"The bridge could not be started: {said or f'it ended with code {code}'}.")

    def _last_words(self):
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return " ".join(lines[-LOG_LINES:])


def plain_environment():
    """Without what Blender has set for its own Python: the bridge starts Blenders, too."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
