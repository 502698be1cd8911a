# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds the bridge that runs on this computer, or at the address that the preferences name."""

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BridgeSettings:
    """The preferences about the bridge; an empty text means the default."""

    program: str = ""
    home: str = ""
    swarm: str = ""
    token: str = ""
    # 127.0.0.1:PORT of a bridge that runs on another computer, behind a tunnel.
    address: str = ""


@dataclass(frozen=True)
class Endpoint:
    """Where a bridge listens, and the token that authenticates us."""

    url: str
    token: str


def home_of(settings: BridgeSettings) -> Path:
    """The bridge's home folder; the same rule as bridge/config/home.ts."""
    wanted = settings.home or os.environ.get("BRIDGE_HOME")
    return Path(wanted).expanduser().absolute() if wanted else _data_folder() / "p2p-render"


def _data_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def find_running(settings: BridgeSettings) -> Endpoint | None:
    """The endpoint from gateway.json or from the preferences, or None. It may be stale: then nobody answers there."""
    if settings.address:
        is_usable = is_address(settings.address) and settings.token
        return Endpoint(f"ws://{settings.address}/", settings.token) if is_usable else None
    try:
        note = json.loads((home_of(settings) / "gateway.json").read_text("utf-8"))
        port, token_file = int(note["port"]), Path(note["tokenFile"])
        token = settings.token or token_file.read_text("utf-8").strip()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Endpoint(f"ws://127.0.0.1:{port}/", token) if token else None  # empty while the bridge writes it


def is_address(text: str) -> bool:
    """The bridge accepts only the two loopback addresses as Host, spelled exactly like this."""
    found = re.fullmatch(r"(?:127\.0\.0\.1|\[::1\]):([1-9]\d{0,4})", text)
    return found is not None and int(found[1]) <= 65535


def why_unreachable(settings: BridgeSettings) -> str:
    """What to do when no bridge answers at the address of the preferences: the add-on never starts one then."""
    if not is_address(settings.address):
        return f"{settings.address} is not a valid address of a bridge: write 127.0.0.1:PORT, with the port of the bridge."
    if not settings.token:
        return f"The bridge at {settings.address} requires its token: copy it from gateway.token in the bridge's home."
    port = settings.address.rpartition(":")[2]
    return f"No bridge answers at {settings.address}. Is `bridge serve --port {port}` running there, and is the tunnel open?"
