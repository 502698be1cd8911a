# SPDX-License-Identifier: GPL-2.0-or-later
"""What passes between the panel (main thread) and the engine (render thread): the order, the run, wishes for the main thread."""

import queue
import threading


class Stage:
    """One for this Blender: it renders one thing at a time."""

    def __init__(self):
        # The next render's order; taken by the engine.
        self.order = None
        # The run at work, or the last one; written by the render thread.
        self.run = None
        self.is_rendering = False
        # Set by the panel's button; the engine then stops as with ESC.
        self.stop_wanted = False
        # The render was stopped, by whomever.
        self.is_interrupted = False
        # The run whose picture has just come to its place; the main thread tells the artist.
        self.finished = None
        # The job whose picture came to its place last: its end is no news.
        self.delivered = None
        # A job whose render was stopped; the main thread tells the bridge.
        self.cancel_wanted = None
        # What went wrong in the last render, for the panel.
        self.failure = None
        self._calls = queue.SimpleQueue()

    def file_of(self, scene, frame):
        """Where a frame's floats are, or None."""
        return self.run.known_path(scene, frame) if self.run else None

    def on_main_thread(self, work, is_stopped):
        """Has the main thread do `work`, and waits for its outcome; None when stopped meanwhile. Raises what it raised."""
        done, outcome = threading.Event(), []
        self._calls.put((work, done, outcome))
        while not done.wait(0.05):
            if is_stopped():
                return None
        (value, error) = outcome[0]
        if error is not None:
            raise error
        return value

    def serve_calls(self):
        """The main thread's turn."""
        while not self._calls.empty():
            work, done, outcome = self._calls.get_nowait()
            try:
                outcome.append((work(), None))
            except Exception as error:  # noqa: BLE001 - it belongs to the thread that waits
                outcome.append((None, error))
            done.set()


stage = Stage()
