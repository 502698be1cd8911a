# SPDX-License-Identifier: GPL-2.0-or-later
"""What several of the packages need: the wire, Blender's versions, devices, node trees."""
