# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on's side of bench/apart.ts: python3 apart.py PORT TOKEN FLOATS SCENE RUNS FOLDER WHEELS

Prints one JSON line: megabytes a second of each way, and how long questions wait while floats come.
"""

import json
import sys
import time
from pathlib import Path

port, token, raw, scene, runs, folder, wheels = sys.argv[1:]
sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "blender-addon"), *map(str, Path(wheels).glob("*.whl"))]

from p2p_render.bridge.blocking_client import BlockingClient  # noqa: E402
from p2p_render.bridge.discovery import BridgeSettings  # noqa: E402
from p2p_render.bridge.file_transfer import FileReceived  # noqa: E402

JOB = "261122-214654-k3f9"


class Owner:
    def is_stopped(self):
        return False

    def status(self, _text):
        pass

    def received(self, _message):
        pass


def by_path(path):
    """As a Blender on the bridge's computer reads it."""
    with Path(path).open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def speed_of(path, work):
    before = time.perf_counter()
    work()
    return Path(path).stat().st_size / 1e6 / (time.perf_counter() - before)


def waits_beside(connection, path, to):
    """Milliseconds that questions wait for their answers while a file comes."""
    coming, waits = connection.fetch(JOB, path, to), []
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
said = {"rawByPath": [], "rawByFrames": [], "sceneByPath": [], "sceneByFrames": [], "waitsMs": []}
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
