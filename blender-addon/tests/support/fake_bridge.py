# SPDX-License-Identifier: GPL-2.0-or-later
"""A fake bridge: a real WebSocket server that writes gateway.json, like `bridge serve`.

It answers from the golden messages; tests tell it what else to send.
"""

import json
import queue
import threading
from pathlib import Path
from typing import Any

import websockets
from time_limit import until
from websockets.sync.server import ServerConnection, serve

FIXTURES = Path(__file__).parents[1] / "fixtures" / "wire" / "bridge"
TOKEN = "f" * 64
JOB = "261122-214654-k3f9"


def golden(name: str) -> dict[str, Any]:
    """The first valid message of a fixture."""
    return json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))["valid"][0]["frame"]


def job_summary(state: str = "running", **changes: Any) -> dict[str, Any]:
    line = golden("event.job-summary")["event"]["summary"]
    return {**line, "job": JOB, "state": state, "error": None, **changes}


class FakeBridge:
    """`requests` holds the clients' requests; `push` sends a message to all of them."""

    def __init__(self, home: Path, answers: dict[str, Any] | None = None) -> None:
        self.home = Path(home)
        self.requests: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
        self.answers = answers or {}
        self.protocol = 1
        # The home in its welcome; one that differs from its own makes it a bridge on another disk.
        self.named_home = self.home
        # Files for download: bytes by path. None: the file ends too early.
        self.files: dict[str, bytes | None] = {}
        # Uploaded files: name and bytes, in the order of files.put.
        self.uploads: list[tuple[str, bytes]] = []
        self._sockets: list[ServerConnection] = []
        self._seq = 0
        self._downloads = 0

    def __enter__(self) -> "FakeBridge":
        self.home.mkdir(parents=True, exist_ok=True)
        self._server = serve(self._serve_client, "127.0.0.1", 0)
        port = self._server.socket.getsockname()[1]
        (self.home / "gateway.token").write_text(TOKEN, "utf-8")
        self.port = port
        welcome = golden("welcome")
        note = {key: welcome[key] for key in ("protocol", "version", "pid", "session")}
        note |= {"port": port, "tokenFile": str(self.home / "gateway.token"), "startedAt": 0}
        (self.home / "gateway.json").write_text(json.dumps(note), "utf-8")
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """As after kill -9: gateway.json stays, and nobody listens."""
        self._server.shutdown()
        for socket in self._sockets:
            socket.close()

    def event(self, event: dict[str, Any], job: str = JOB) -> None:
        """Sends an event to all clients."""
        self._seq += 1
        self.push({"type": "event", "job": job, "seq": self._seq, "at": 0, "event": event})

    def push(self, frame: dict[str, Any]) -> None:
        for socket in list(self._sockets):
            try:
                socket.send(json.dumps(frame))
            except websockets.ConnectionClosed:
                self._sockets.remove(socket)

    def asked(self, method: str) -> dict[str, Any]:
        """Waits for a request of `method`, dropping earlier requests. Returns its parameters."""

        def look() -> tuple[str, dict[str, Any]] | None:
            try:
                request = self.requests.get_nowait()
            except queue.Empty:
                return None
            return request if request[0] == method else None

        return until(look, lambda: f"nobody asked {method}")[1]

    def _serve_client(self, socket: ServerConnection) -> None:
        hello = json.loads(socket.recv())
        if hello["token"] != TOKEN or hello["protocol"] != self.protocol:
            refused = golden("refused")
            socket.send(json.dumps({**refused, "protocol": self.protocol}))
            return
        self._sockets.append(socket)
        socket.send(json.dumps({**golden("welcome"), "home": str(self.named_home)}))
        for frame in socket:
            if isinstance(frame, bytes):
                name, data = self.uploads[int.from_bytes(frame[:4], "big") - 1]
                self.uploads[int.from_bytes(frame[:4], "big") - 1] = (name, data + frame[4:])
            else:
                self._answer(socket, json.loads(frame))

    def _answer(self, socket: ServerConnection, request: dict[str, Any]) -> None:
        method, params = request["method"], request["params"]
        answer = self.answers.get(method)
        usual = self._files_answer if method.startswith("files.") else self._usual
        result = answer(params) if callable(answer) else answer if answer is not None else usual(method, params)
        if isinstance(result, dict) and "failure" in result:
            socket.send(json.dumps({"type": "failure", "id": request["id"], "error": result["failure"]}))
        else:
            socket.send(json.dumps({"type": "reply", "id": request["id"], "result": result}))
        if method == "files.get" and "download" in result:
            self._pour(socket, result["download"], self.files[params["path"]])
        self.requests.put((method, params))

    def _files_answer(self, method: str, params: dict[str, Any]) -> Any:
        if method == "files.put":
            self.uploads.append((params["name"], b""))
            return {"upload": len(self.uploads)}
        if method == "files.done":
            return {"scenePath": f"C:\\p2p\\uploads\\{params['upload']}\\{self.uploads[params['upload'] - 1][0]}"}
        if params["path"] not in self.files:
            return {"failure": {"code": "FILE_GONE", "message": f"{params['path']} no longer exists", "advice": "Too late."}}
        self._downloads += 1
        data = self.files[params["path"]]
        return {"download": self._downloads, "bytes": 1 if data is None else len(data)}

    def _pour(self, socket: ServerConnection, number: int, data: bytes | None) -> None:
        head = number.to_bytes(4, "big")
        content = data or b""
        for at in range(0, len(content), 1000):
            socket.send(head + content[at : at + 1000])
        if data is None:
            socket.send(head)

    def _usual(self, method: str, _params: dict[str, Any]) -> Any:
        if method == "jobs.submit":
            return {"job": JOB}
        if method == "jobs.list":
            return {"jobs": [job_summary()]}
        if method == "jobs.watch":
            return {"summary": job_summary(), "first": 0, "next": 0, "raw": [], "outputs": []}
        return golden(f"reply.{method}")["result"]
