# SPDX-License-Identifier: GPL-2.0-or-later
"""The bridge as the add-on sees it: its messages, the connection, its process. Nothing in this package imports bpy."""
