# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of a bridge that has another disk."""

from pathlib import Path

from fake_bridge import TOKEN, FakeBridge

from p2p_render.bridge.blocking_client import BlockingClient
from p2p_render.bridge.discovery import BridgeSettings
from p2p_render.bridge.wire.generated import Tile


class Owner:
    """The owner of a client, or the display of a run."""

    def __init__(self) -> None:
        self.stopped = False
        self.texts: list[str] = []
        self.shown: list[bytes] = []

    def is_stopped(self) -> bool:
        return self.stopped

    def status(self, text: str) -> None:
        self.texts.append(text)

    def received(self, _message: object) -> None:
        pass

    def progress(self, _progress: object) -> None:
        pass

    def tile(self, tile: Tile) -> None:
        self.shown.append(Path(tile.path).read_bytes())


def settings_for(fake: FakeBridge) -> BridgeSettings:
    return BridgeSettings(address=f"127.0.0.1:{fake.port}", token=TOKEN)


def connected_client(fake: FakeBridge, owner: Owner) -> BlockingClient:
    client = BlockingClient(settings_for(fake), owner)
    client.connect()
    return client
