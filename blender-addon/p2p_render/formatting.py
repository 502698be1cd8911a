# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers and durations as text for the user."""


def duration(seconds: float) -> str:
    """Rounded to what matters: 8 s, 3 min, 2 h 10 min."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(number: int, one: str, many: str | None = None) -> str:
    """1 peer, 2 peers."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def memory(number_of_bytes: float) -> str:
    """In whole gigabytes."""
    return f"{number_of_bytes / 2**30:.0f} GB"


def work_done(done: int, total: int, seconds_left: float | None, denoising: float | None = None) -> str:
    """12 of 40 chunks, about 8 s left. `denoising`: the share of it that is done, while it is under way."""
    if denoising is not None and done == total:
        return f"Denoising, {int(denoising * 100)} %"
    if total == 0:
        return "Preparing the scene"
    left = f", about {duration(seconds_left)} left" if seconds_left else ""
    return f"{done} of {count(total, 'chunk')}{left}"
