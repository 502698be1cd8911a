# SPDX-License-Identifier: GPL-2.0-or-later
"""Longer texts in panels: Blender's labels do not wrap."""

from typing import Any

import bpy

from ...preferences import user_preferences

# Pixels of an average letter, and letters for icon and margins.
LETTER_PIXELS, INDENT_LETTERS, MIN_LETTERS = 6.6, 6, 24


def draw_message(layout: bpy.types.UILayout, message: str, icon: Any) -> None:
    """As many labels as the panel's width requires."""
    region = bpy.context.region
    pixels = region.width if region is not None else 0
    width = max(MIN_LETTERS, int(pixels / (LETTER_PIXELS * user_preferences().system.ui_scale)) - INDENT_LETTERS)
    column = layout.column(align=True)
    for number, line in enumerate(wrap(message, width)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters; longer words are not broken."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
