# SPDX-License-Identifier: GPL-2.0-or-later
"""Inside a Blender with a window: runs a test's commands on the main thread, and answers.

blender --python command_server.py -- PORT_FILE
One JSON text a line: {"code": "..."}; the code sets `answer`.
"""

import contextlib
import io
import json
import queue
import socketserver
import sys
import threading
import traceback
from pathlib import Path

import bpy

asked: queue.SimpleQueue[tuple[str, queue.SimpleQueue[dict[str, object]]]] = queue.SimpleQueue()


class CommandHandler(socketserver.StreamRequestHandler):
    """One connection of a test."""

    def handle(self) -> None:
        for line in self.rfile:
            done: queue.SimpleQueue[dict[str, object]] = queue.SimpleQueue()
            asked.put((json.loads(line)["code"], done))
            self.wfile.write(json.dumps(done.get(), default=str).encode() + b"\n")


def run_commands() -> float:
    while not asked.empty():
        code, done = asked.get_nowait()
        names = {"bpy": bpy, "answer": None}
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(code, names)  # the test's own code
            done.put({"answer": names["answer"]})
        except BaseException:  # noqa: BLE001 - the test wants to see it
            done.put({"error": traceback.format_exc()})
    return 0.05


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), CommandHandler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
bpy.app.timers.register(run_commands, persistent=True)
Path(sys.argv[-1]).write_text(str(server.server_address[1]), "utf-8")
