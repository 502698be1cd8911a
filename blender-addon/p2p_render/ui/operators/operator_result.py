# SPDX-License-Identifier: GPL-2.0-or-later
"""What Blender expects from an operator."""

from typing import Literal

OperatorResult = set[Literal["RUNNING_MODAL", "CANCELLED", "FINISHED", "PASS_THROUGH", "INTERFACE"]]
