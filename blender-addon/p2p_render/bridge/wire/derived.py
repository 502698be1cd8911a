# SPDX-License-Identifier: GPL-2.0-or-later
"""What follows from a message, and is not said in it."""

from ... import constants
from .generated import ErrorBody, JobSummary


def error_text(error: ErrorBody) -> str:
    """Message and advice as sentences for the user."""
    return f"{error.message.rstrip('.')}. {error.advice}".strip()


def is_ended(summary: JobSummary) -> bool:
    """Nothing of the job runs anywhere any more."""
    return summary.state in constants.ENDED_STATES
