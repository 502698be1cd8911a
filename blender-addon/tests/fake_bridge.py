# SPDX-License-Identifier: GPL-2.0-or-later
"""A bridge of the tests' own: a real WebSocket server that writes down where it listens, as `bridge serve` does.

It answers from the golden messages; tests tell it what to say beside. Also started as a program, by tests
inside Blender:  python fake_bridge.py HOME SCRIPT.json WHEELS
"""

import json
import queue
import sys
import threading
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.extend(str(wheel) for wheel in Path(sys.argv[3]).glob("*.whl"))

import websockets
from websockets.sync.server import serve

FIXTURES = Path(__file__).parent / "fixtures" / "wire" / "bridge"
TOKEN = "f" * 64
JOB = "261122-214654-k3f9"


def golden(name):
    """The first valid message of a fixture."""
    return json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))["valid"][0]["frame"]


def job_line(state="running", **changes):
    line = golden("event.job-line")["event"]["line"]
    return {**line, "job": JOB, "state": state, "error": None, **changes}


class FakeBridge:
    """`said` is what clients asked; `push` says something to all."""

    def __init__(self, home, answers=None):
        self.home = Path(home)
        self.said = queue.SimpleQueue()
        self.answers = answers or {}
        self.protocol = 1
        self._sockets = []
        self._seq = 0

    def __enter__(self):
        self.home.mkdir(parents=True, exist_ok=True)
        self._server = serve(self._talk, "127.0.0.1", 0)
        port = self._server.socket.getsockname()[1]
        (self.home / "gateway.token").write_text(TOKEN, "utf-8")
        note = {"protocol": 1, "version": "0.1.0", "pid": 1, "port": port, "tokenFile": str(self.home / "gateway.token"), "startedAt": 0}
        (self.home / "gateway.json").write_text(json.dumps(note), "utf-8")
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.die()

    def die(self):
        """As after kill -9: the note stays, nobody listens."""
        self._server.shutdown()
        for socket in self._sockets:
            socket.close()

    def event(self, event, job=JOB):
        """Tells all clients."""
        self._seq += 1
        self.push({"type": "event", "job": job, "seq": self._seq, "at": 0, "event": event})

    def push(self, frame):
        for socket in list(self._sockets):
            try:
                socket.send(json.dumps(frame))
            except websockets.ConnectionClosed:
                self._sockets.remove(socket)

    def asked(self, method, seconds=10):
        """Waits until somebody asks `method`; what was asked before is dropped. Returns the parameters."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                name, params = self.said.get(timeout=0.2)
            except queue.Empty:
                continue
            if name == method:
                return params
        raise AssertionError(f"nobody asked {method}")

    def _talk(self, socket):
        hello = json.loads(socket.recv())
        if hello["token"] != TOKEN or hello["protocol"] != self.protocol:
            refused = golden("refused")
            socket.send(json.dumps({**refused, "protocol": self.protocol}))
            return
        self._sockets.append(socket)
        socket.send(json.dumps({**golden("welcome"), "home": str(self.home)}))
        for text in socket:
            self._answer(socket, json.loads(text))

    def _answer(self, socket, request):
        method, params = request["method"], request["params"]
        answer = self.answers.get(method)
        result = answer(params) if callable(answer) else answer if answer is not None else self._usual(method)
        if isinstance(result, dict) and "failure" in result:
            socket.send(json.dumps({"type": "failure", "id": request["id"], "error": result["failure"]}))
        else:
            socket.send(json.dumps({"type": "reply", "id": request["id"], "result": result}))
        self.said.put((method, params))

    def _usual(self, method):
        if method == "jobs.submit":
            return {"job": JOB}
        if method == "jobs.list":
            return {"jobs": [job_line()]}
        if method == "jobs.watch":
            return {"line": job_line(), "first": 0, "next": 0, "floats": [], "outputs": []}
        return golden(f"reply.{method}")["result"]


def play(home, script):
    """Serves a still whose pictures lie on the disk: tile after tile, then the whole; told by a JSON file."""
    plan = json.loads(Path(script).read_text("utf-8"))
    with FakeBridge(home, {"jobs.list": {"jobs": []}}) as bridge:
        while True:
            bridge.asked("jobs.watch", 600)
            for event in plan["events"]:
                time.sleep(plan.get("pause", 0.05))
                bridge.event(event)
            bridge.event({"event": "job-line", "line": job_line("complete", deliver="floats")})


if __name__ == "__main__":
    play(*sys.argv[1:3])
