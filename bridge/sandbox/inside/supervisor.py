# SPDX-License-Identifier: GPL-2.0-or-later
"""Process 1 of a sandbox: starts one program, relays between it and the bridge, and ends with either.

Nothing inside the sandbox can kill, stop or read process 1 (it is the first of its process namespace and not dumpable), and
only process 1 has the bridge's pipes, so that everything the bridge receives was framed here. When this process ends, the kernel
ends all other processes of the sandbox.

Standard input up to its first newline is dropped (some engines write a request of their own there); then frames both ways:
one byte of kind, four bytes of length (big endian), payload.

  from the bridge   i  bytes for the program's standard input       x  that was all of them
                    t  take a file out: most bytes (8), its path     b  a beat: the bridge lives
  to the bridge     o  bytes of the program's standard output        s  a file follows: its size (8 bytes)
                    f  bytes of that file                            e  end of that file: empty, or why it is none
                    z  last word: why all of this ends

Arguments: options as JSON, then the program and its own arguments.
"""

from __future__ import annotations

import ctypes
import json
import os
import queue
import signal
import stat
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

HEADER = struct.Struct(">cI")
PIECE_BYTES = 64 * 1024
MOST_PAYLOAD_BYTES = 16 * 1024 * 1024
LOOK_SECONDS = 0.2
# A check that was late by more than this: the sandbox was paused, so silence during that time does not count.
PAUSED_SECONDS = 3.0
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38
LEFT, SILENT, LATE, BROKEN = 75, 76, 124, 70


class Bridge:
    """The bridge's end of the pipes."""

    def __init__(self) -> None:
        self._in = os.fdopen(os.dup(0), "rb", buffering=PIECE_BYTES)
        self._out = os.dup(1)
        self._lock = threading.Lock()
        self._last_word: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._said = threading.Event()
        # There may be no room for another thread when it is needed.
        in_background(self._say_last_word)
        self.heard_at = time.monotonic()

    def skip_foreign_line(self) -> None:
        """Drops what the engine may have written before the bridge's bytes."""
        self._in.readline()

    def frames(self) -> Iterator[tuple[bytes, bytes]]:
        """Yields (kind, payload) until the bridge is gone."""
        while True:
            header = self._in.read(HEADER.size)
            if len(header) < HEADER.size:
                return
            kind, size = HEADER.unpack(header)
            if size > MOST_PAYLOAD_BYTES:
                return
            payload = self._in.read(size)
            if len(payload) < size:
                return
            self.heard_at = time.monotonic()
            yield kind, payload

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        """Writes one frame; safe from any thread."""
        with self._lock:
            write_all(self._out, HEADER.pack(kind, len(payload)) + payload)

    def say_why(self, word: str) -> None:
        """Sends the final message if the bridge still reads; waits only shortly."""
        self._last_word.put(word)
        self._said.wait(1.0)

    def _say_last_word(self) -> None:
        self.send(b"z", self._last_word.get().encode())
        self._said.set()


class Program:
    """The sandboxed program, and its pipes."""

    def __init__(self, argv: list[str], seccomp: str) -> None:
        input_read, self._input = os.pipe()
        output, output_write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            become(argv, seccomp, input_read, output_write)
        os.close(input_read)
        os.close(output_write)
        self._output = output
        self._input_open = True

    def feed(self, payload: bytes) -> None:
        """Writes to its input; does nothing once it is closed."""
        try:
            if self._input_open:
                write_all(self._input, payload)
        except OSError:
            self.close_input()

    def close_input(self) -> None:
        if self._input_open:
            self._input_open = False
            os.close(self._input)

    def forward_output(self, bridge: Bridge) -> None:
        """Forwards its output until it ends."""
        while piece := os.read(self._output, PIECE_BYTES):
            bridge.send(b"o", piece)


def become(argv: list[str], seccomp: str, input_read: int, output_write: int) -> None:
    """In the child: executes the program, with fewer rights than this process."""
    try:
        os.setpgid(0, 0)
        for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(name, signal.SIG_DFL)
        os.dup2(input_read, 0)
        os.dup2(output_write, 1)
        os.closerange(3, 256)
        os.nice(19)
        confine(seccomp)
        os.execvp(argv[0], argv)
    except BaseException as error:  # noqa: BLE001 - on any error the child must not continue as a second supervisor
        os.write(2, f"{argv[0]} could not be started: {error}\n".encode())
    finally:
        os._exit(127)


def confine(path: str) -> None:
    """Adds a second system call filter to the engine's own: filters can only restrict further."""
    program = Path(path).read_bytes()

    class Filter(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    rules = Filter(len(program) // 8, program)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(rules)):
        raise OSError(ctypes.get_errno(), "the system call filter was refused")


class Taking:
    """Sends files to the bridge, one after the other, on its own thread."""

    def __init__(self, bridge: Bridge, scratch: str) -> None:
        self._bridge = bridge
        self._scratch = os.path.realpath(scratch) + os.sep
        self._wanted: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def ask(self, payload: bytes) -> None:
        self._wanted.put(payload)

    def run(self) -> None:
        while True:
            payload = self._wanted.get()
            try:
                self._carry(payload[8:], int.from_bytes(payload[:8], "big"))
                self._bridge.send(b"e")
            except (OSError, ValueError) as error:
                self._bridge.send(b"e", (str(error) or "no").encode()[:500])

    def _carry(self, raw: bytes, most_bytes: int) -> None:
        """Sends a regular file of the scratch folder with its size at opening, and removes it."""
        path = os.path.realpath(raw.decode("utf8", "surrogateescape"))
        if not path.startswith(self._scratch):
            raise ValueError("it is not in the scratch folder")
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                raise ValueError("it is no regular file")
            if facts.st_size > most_bytes:
                raise ValueError(f"it is larger than {most_bytes} bytes")
            self._bridge.send(b"s", struct.pack(">Q", facts.st_size))
            left = facts.st_size
            while left > 0:
                piece = os.read(handle, min(PIECE_BYTES, left))
                if not piece:
                    raise ValueError("it became shorter")
                self._bridge.send(b"f", piece)
                left -= len(piece)
        finally:
            os.close(handle)
        Path(path).unlink()


class Watch:
    """Ends the sandbox when the bridge is silent, the time is over, or the process limit was reached."""

    def __init__(self, bridge: Bridge, options: dict[str, Any]) -> None:
        self._bridge = bridge
        self._idle = options["idleSeconds"]
        self._end = time.monotonic() + options["deadlineSeconds"]
        self._refused_before = refused_processes()

    def run(self) -> None:
        looked = time.monotonic()
        while True:
            time.sleep(LOOK_SECONDS)
            now = time.monotonic()
            if now - looked > PAUSED_SECONDS:
                self._bridge.heard_at = now
            looked = now
            if self.has_hit_processes():
                leave(self._bridge, "processes", BROKEN)
            if now > self._end:
                leave(self._bridge, "deadline", LATE)
            if now - self._bridge.heard_at > self._idle:
                leave(self._bridge, "silence", SILENT)

    def has_hit_processes(self) -> bool:
        """Whether the kernel refused a new process or thread since the start."""
        return refused_processes() > self._refused_before


def refused_processes() -> int:
    """How often the process limit was reached, by the control group (version 2, then 1); 0 if unknown."""
    for path in ("/sys/fs/cgroup/pids.events", "/sys/fs/cgroup/pids/pids.events"):
        try:
            return int(Path(path).read_text().split()[1])
        except (OSError, ValueError, IndexError):
            continue
    return 0


def leave(bridge: Bridge, word: str, code: int) -> NoReturn:
    """Ends process 1, and with it the whole sandbox."""
    bridge.say_why(word)
    os._exit(code)


def write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def listen(bridge: Bridge, program: Program, taking: Taking, grace: float) -> None:
    """Handles the bridge's frames, and ends the sandbox when it is gone."""
    bridge.skip_foreign_line()
    for kind, payload in bridge.frames():
        if kind == b"i":
            program.feed(payload)
        elif kind == b"x":
            program.close_input()
        elif kind == b"t":
            taking.ask(payload)
    program.close_input()
    time.sleep(grace)
    os._exit(LEFT)


def in_background(work: Callable[..., None], *arguments: Any) -> threading.Thread:
    def run() -> None:
        try:
            work(*arguments)
        except BaseException as error:  # noqa: BLE001 - a supervisor without one of its threads is not safe
            os.write(2, f"the supervisor failed: {error!r}\n".encode())
            os._exit(BROKEN)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def ended_with(pid: int) -> int:
    """Waits until the program has ended, reaping orphans meanwhile. Returns an exit code in the shell's form."""
    while True:
        gone, status = os.waitpid(-1, 0)
        if gone == pid:
            return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main() -> None:
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(name, lambda *_: os._exit(143))
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    options = json.loads(sys.argv[1])
    program = Program(sys.argv[2:], options["seccomp"])  # before threads are started, which a fork does not copy
    bridge = Bridge()
    taking = Taking(bridge, options["scratch"])
    watch = Watch(bridge, options)
    in_background(watch.run)
    in_background(taking.run)
    output = in_background(program.forward_output, bridge)
    in_background(listen, bridge, program, taking, options["graceSeconds"])
    code = ended_with(program.pid)
    output.join(1.0)  # its last output; a child of its own may still have the pipe open
    leave(bridge, "processes" if watch.has_hit_processes() else "ended", code)


main()
