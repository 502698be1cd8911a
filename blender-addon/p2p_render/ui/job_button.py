# SPDX-License-Identifier: GPL-2.0-or-later
"""A button for an operator of this add-on that acts on one job."""

from typing import Any

import bpy


def draw_job_button(layout: bpy.types.UILayout, operator: str, job: str, icon: Any, text: str | None = None) -> None:
    """Without a text it has the operator's label; an empty text shows the icon only."""
    name = f"p2p_render.{operator}"
    properties: Any = layout.operator(name, icon=icon) if text is None else layout.operator(name, text=text, icon=icon)
    properties.job = job
