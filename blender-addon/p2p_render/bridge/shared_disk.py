# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a bridge shares this computer's disk: only then can files be exchanged by path."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from .discovery import Endpoint
from .wire.generated import Welcome


def is_remote(welcome: Welcome, endpoint: Endpoint) -> bool:
    """True unless the gateway.json of the bridge that answers is on our own disk, too: the same process, port and session."""
    identity = (welcome.pid, urlsplit(endpoint.url).port, welcome.session)
    return identity != _identity_on_disk(Path(welcome.home))


def _identity_on_disk(home: Path) -> tuple[int, int, str] | None:
    try:
        note = json.loads((home / "gateway.json").read_text("utf-8"))
        return note["pid"], note["port"], note["session"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
