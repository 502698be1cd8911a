# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of a bridge that has another disk."""

from pathlib import Path

from fake_bridge import TOKEN

from p2p_render.bridge.blocking_client import BlockingClient
from p2p_render.bridge.discovery import BridgeSettings


class Owner:
    """Of a conversation, or the screen of a run."""

    def __init__(self):
        self.stopped, self.texts, self.shown = False, [], []

    def is_stopped(self):
        return self.stopped

    def status(self, text):
        self.texts.append(text)

    def received(self, _message):
        pass

    def progress(self, _progress):
        pass

    def tile(self, tile):
        self.shown.append(Path(tile.path).read_bytes())


def settings_for(fake):
    return BridgeSettings(address=f"127.0.0.1:{fake.port}", token=TOKEN)


def connected_client(fake, owner):
    client = BlockingClient(settings_for(fake), owner)
    client.connect()
    return client
