# SPDX-License-Identifier: GPL-2.0-or-later
"""What one render of the engine needs to know, as plain values."""

from dataclasses import dataclass, field

from .blender_build import LocalBlender
from .discovery import BridgeSettings
from .wire.generated import JobSubmission


@dataclass(frozen=True)
class RenderRequest:
    """A new job to submit, or an existing one to take up again."""

    settings: BridgeSettings
    # Parameters of jobs.submit.
    submission: JobSubmission = field(default_factory=lambda: JobSubmission())
    frames: tuple[int, ...] = ()
    # The existing job.
    job: str | None = None
    # Compared with the Blenders of a remote bridge.
    local_blender: LocalBlender = field(default_factory=LocalBlender)

    def covers(self, frame: int) -> bool:
        """Whether this request renders that frame."""
        return frame in self.frames
