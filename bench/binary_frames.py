# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on's side of bench/binary-frames.ts: python3 binary_frames.py PORT TOKEN FLOATS SCENE RUNS FOLDER WHEELS

Prints one JSON line: megabytes a second of each way, and how long questions wait while floats come.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

port, token, raw, scene, runs, folder, wheels = sys.argv[1:]
sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "blender-addon"), *map(str, Path(wheels).glob("*.whl"))]

from p2p_render.bridge.blocking_client import BlockingClient  # noqa: E402
from p2p_render.bridge.discovery import BridgeSettings  # noqa: E402
from p2p_render.bridge.file_transfer import FileReceived  # noqa: E402

JOB = "261122-214654-k3f9"


class Owner:
    def is_stopped(self) -> bool:
        return False

    def status(self, _text: str) -> None:
        pass

    def received(self, _message: object) -> None:
        pass


def by_path(path: str) -> None:
    """As a Blender on the bridge's computer reads it."""
    with Path(path).open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def speed_of(path: str, work: Callable[..., object]) -> float:
    before = time.perf_counter()
    work()
    return Path(path).stat().st_size / 1e6 / (time.perf_counter() - before)


def waits_beside(connection: Any, path: str, to: str) -> list[float]:
    """Milliseconds that requests wait for their replies during a download."""
    coming = connection.fetch(JOB, path, to)
    waits: list[float] = []
    while True:
        asked, before = connection.request("jobs.list", {}), time.perf_counter()
        while True:
            message = connection.wait(60)
            if isinstance(message, FileReceived) and message.id == coming:
                return waits
            if getattr(message, "id", None) == asked:
                break
        waits.append(1000 * (time.perf_counter() - before))
        time.sleep(0.01)


client = BlockingClient(BridgeSettings(address=f"127.0.0.1:{port}", token=token), Owner())
client.connect()
to = str(Path(folder) / "fetched.exr")
said: dict[str, list[float]] = {"rawByPath": [], "rawByFrames": [], "sceneByPath": [], "sceneByFrames": [], "waitsMs": []}
# The first round warms both sides up: code, page cache.
for run in range(int(runs) + 1):
    row = {
        "rawByPath": speed_of(raw, lambda: by_path(raw)),
        "rawByFrames": speed_of(raw, lambda: client.download(JOB, raw, to)),
        "sceneByPath": speed_of(scene, lambda: by_path(scene)),
        "sceneByFrames": speed_of(scene, lambda: client.upload(scene)),
    }
    if run > 0:
        for name, value in row.items():
            said[name].append(value)
said["waitsMs"] = waits_beside(client.connection, raw, to)
client.close()
print(json.dumps(said))
