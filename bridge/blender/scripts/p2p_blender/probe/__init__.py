# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts about this Blender and this machine: which build it is, and how fast its devices are."""
