# SPDX-License-Identifier: GPL-2.0-or-later
"""What all operators on a job have in common."""

# No `from __future__ import annotations` here: Blender reads the annotations of operators.
from typing import TYPE_CHECKING, Any

from bpy.props import StringProperty


class JobOperator:
    """A mixin: the button names the job."""

    # Any: a plain set of texts would clash with the enum of the type stubs.
    bl_options: Any = {"INTERNAL"}

    if TYPE_CHECKING:
        job: str
    else:
        job: StringProperty(options={"HIDDEN"})
