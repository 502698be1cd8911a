# SPDX-License-Identifier: GPL-2.0-or-later
"""A Blender without a scene of anybody's: which build it is, and how fast its devices are."""
