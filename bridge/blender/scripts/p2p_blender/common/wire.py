# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON lines between the bridge and a Blender that it started.

Requests are read from standard input, one JSON object per line: {"id": 1, "op": "load", …}. Answers are written
to what was standard output, each line prefixed with a token that only the two sides know; everything
that Blender itself, its libraries or a scene's scripts print goes to standard error instead.
When standard input ends, the bridge has ended, and this process exits.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

# What a JSON line holds.
Json = dict[str, Any]
# What answers one kind of request.
Operation = Callable[[Json], Any]


class ScriptError(Exception):
    """A refused request: a stable error code and one message. The session continues."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def script_arguments() -> list[str]:
    """What stands after `--` on Blender's command line."""
    return sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []


class Wire:
    """The connection to the bridge. `token` marks the lines that are messages."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self._lock = threading.Lock()
        self._requests: queue.SimpleQueue[Json] = queue.SimpleQueue()

    def send(self, message: Json) -> None:
        """Writes one message; safe from any thread."""
        line = json.dumps(message, ensure_ascii=True, allow_nan=False)
        with self._lock:
            self._out.write(f"{self._token} {line}\n")
            self._out.flush()

    def serve(self, operations: dict[str, Operation]) -> NoReturn:
        """Answers requests with `operations[op](request) -> result` until the bridge sends "stop"."""
        threading.Thread(target=self._read, name="wire", daemon=True).start()
        self.send({"event": "ready"})
        while True:
            request = self._requests.get()
            if request.get("op") == "stop":
                self.send({"id": request["id"], "ok": True, "result": None})
                leave(0)
            self.send({"id": request.get("id"), **self._answer(operations, request)})

    def _answer(self, operations: dict[str, Operation], request: Json) -> Json:
        try:
            return {"ok": True, "result": operations[request["op"]](request)}
        except ScriptError as error:
            return {"ok": False, "code": error.code, "message": str(error)}
        except Exception as error:  # noqa: BLE001 - the bridge decides what a broken operation means
            traceback.print_exc()
            return {"ok": False, "code": "BLENDER_SCRIPT_FAILED", "message": f"{type(error).__name__}: {error}"}

    def _read(self) -> None:
        try:
            for line in sys.stdin.buffer:
                self._requests.put(json.loads(line))
        finally:  # invalid input ends it too: without a reader nobody would notice that the bridge has gone
            leave(3)


def leave(code: int) -> NoReturn:
    """Ends the process at once: Blender's own clean-up may hang on a half-made render."""
    sys.stderr.flush()
    os._exit(code)
