# SPDX-License-Identifier: GPL-2.0-or-later
"""Inside a Blender with a window: does on its main thread what a test asks for, and answers.

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

asked = queue.SimpleQueue()


class Talk(socketserver.StreamRequestHandler):
    """One connection of a test."""

    def handle(self):
        for line in self.rfile:
            done = queue.SimpleQueue()
            asked.put((json.loads(line)["code"], done))
            self.wfile.write(json.dumps(done.get(), default=str).encode() + b"\n")


def turn():
    while not asked.empty():
        code, done = asked.get_nowait()
        names = {"bpy": bpy, "answer": None}
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(code, names)  # a test's own words
            done.put({"answer": names["answer"]})
        except BaseException:  # noqa: BLE001 - the test wants to see it
            done.put({"error": traceback.format_exc()})
    return 0.05


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
bpy.app.timers.register(turn, persistent=True)
Path(sys.argv[-1]).write_text(str(server.server_address[1]), "utf-8")
