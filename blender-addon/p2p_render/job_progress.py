# SPDX-License-Identifier: GPL-2.0-or-later
"""How a job stands, folded from its events: what the panel, the status bar and the picture's overlay show."""

from dataclasses import dataclass, field

from . import messages as said

# Lines of "what was re-sent and why" that are kept.
NEWS_KEPT = 6
# Reasons that are no news to an artist.
QUIET_CODES = frozenset({"CANCELLED"})


@dataclass
class Donor:
    """A peer that works on the job."""

    name: str
    slots: int = 1
    local: bool = False
    done: int = 0
    state: str = "here"


@dataclass
class JobProgress:
    """Changed by `heard` only."""

    chunks_done: int = 0
    chunks_total: int = 0
    frames_done: int = 0
    frames_total: int = 0
    seconds_left: float | None = None
    resent: int = 0
    preview: str | None = None
    outcome: str | None = None
    outputs: tuple[str, ...] = ()
    donors: dict[str, Donor] = field(default_factory=dict)
    # Where who works: chunk -> (donor, place).
    at_work: dict[str, tuple[str, said.Place]] = field(default_factory=dict)
    news: list[str] = field(default_factory=list)

    def heard(self, event):
        """Takes an event in."""
        take = TAKERS.get(type(event))
        if take is not None:
            take(self, event)

    def name_of(self, donor):
        """What people call a donor."""
        known = self.donors.get(donor)
        return known.name if known else donor[-8:]

    @property
    def working(self):
        """Names of the donors that have something to do now, each once."""
        return list(dict.fromkeys(self.name_of(donor) for donor, _ in self.at_work.values()))

    def tell(self, message):
        """Keeps a line of news."""
        self.news.append(message)
        del self.news[:-NEWS_KEPT]


def _joined(progress, event):
    progress.donors[event.donor] = Donor(event.name, event.slots, event.local)


def _availability(progress, event):
    donor = progress.donors.setdefault(event.donor, Donor(event.name))
    donor.state = "here" if event.open else "resting"
    if not event.open:
        progress.tell(f"{event.name} rests: {event.reason or 'its owner stopped it'}")


def _left(progress, event):
    donor = progress.donors.setdefault(event.donor, Donor(event.name))
    donor.state = "gone"
    if event.reason != "the job has ended":
        progress.tell(f"{event.name} left: {event.reason}")


def _banned(progress, event):
    progress.donors.setdefault(event.donor, Donor(event.name)).state = "banned"
    progress.tell(f"{event.name} is left out: {event.reason}")


def _placed(progress, event):
    progress.at_work[event.chunk] = (event.donor, event.place)


def _accepted(progress, event):
    progress.at_work.pop(event.chunk, None)
    progress.chunks_done, progress.chunks_total = event.done, event.total
    progress.donors.setdefault(event.donor, Donor(progress.name_of(event.donor))).done += 1


def _withdrawn(progress, event):
    if progress.at_work.get(event.chunk, ("",))[0] == event.donor:
        del progress.at_work[event.chunk]


def _failed(progress, event):
    _withdrawn(progress, event)
    if event.code not in QUIET_CODES:
        progress.resent += 1
        progress.tell(f"Sent again, {progress.name_of(event.donor)} failed: {event.message}")


def _revoked(progress, event):
    progress.resent += 1
    progress.tell(f"Sent again: a result of frame {event.place.frame} was wrong")


def _dead(progress, event):
    progress.tell(f"Given up: {event.message}")


def _noted(progress, event):
    progress.tell(event.message)


def _counted(progress, event):
    progress.frames_done, progress.frames_total = event.frames_done, event.frames_total
    progress.chunks_done, progress.chunks_total = event.chunks_done, event.chunks_total
    progress.seconds_left = event.seconds_left


def _line(progress, event):
    _counted(progress, event.line)
    if event.line.is_ended:
        progress.outcome = event.line.state
        progress.at_work.clear()
    else:
        progress.outcome = None


def _previewed(progress, event):
    progress.preview = event.path


def _finished(progress, event):
    progress.outputs = tuple(dict.fromkeys((*progress.outputs, *event.outputs)))  # what we knew already may be told again


def _lost(progress, event):
    progress.tell(f"Frame {event.frame} cannot be made: {event.message}")


def _ended(progress, event):
    progress.outputs = event.outputs
    if event.missing_frames:
        first = event.missing[0]
        more = f" (and {event.missing_frames - 1} more)" if event.missing_frames > 1 else ""
        progress.tell(f"Frame {first.frame}{more} is missing: {first.message}")
    progress.at_work.clear()


TAKERS = {
    said.DonorJoined: _joined,
    said.DonorAvailability: _availability,
    said.DonorLeft: _left,
    said.DonorBanned: _banned,
    said.ChunkLeased: _placed,
    said.ChunkStarted: _placed,
    said.ChunkAccepted: _accepted,
    said.ChunkWithdrawn: _withdrawn,
    said.ChunkFailed: _failed,
    said.ChunkRevoked: _revoked,
    said.ChunkDead: _dead,
    said.FrameLost: _lost,
    said.Note: _noted,
    said.Progress: _counted,
    said.JobSummaryChanged: _line,
    said.Preview: _previewed,
    said.FrameFinished: _finished,
    said.JobEnded: _ended,
}
