# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a bridge shares this computer's disk: only then do files go by path. Plain Python: nothing here knows Blender."""

import json
from pathlib import Path
from urllib.parse import urlsplit


def is_apart(welcome, endpoint):
    """True unless the note that the greeting bridge has written lies on our own disk, too: the same process, port and session."""
    said = (welcome.pid, urlsplit(endpoint.url).port, welcome.session)
    return said != _note_at(Path(welcome.home))


def _note_at(home):
    try:
        note = json.loads((home / "gateway.json").read_text("utf-8"))
        return note["pid"], note["port"], note["session"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
