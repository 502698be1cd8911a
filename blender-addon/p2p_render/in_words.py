# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers as people say them."""


def duration(seconds):
    """About how long: 8 s, 3 min, 2 h 10 min."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(number, one, many=None):
    """1 peer, 2 peers."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def memory(number_of_bytes):
    """Gigabytes, as much as a person wants to know."""
    return f"{number_of_bytes / 2**30:.0f} GB"


def work_done(done, total, seconds_left):
    """12 of 40 tiles, about 8 s left."""
    if total == 0:
        return "The scene is looked at"
    left = f", about {duration(seconds_left)} left" if seconds_left else ""
    return f"{done} of {count(total, 'chunk')}{left}"
