# SPDX-License-Identifier: GPL-2.0-or-later
"""The render engine, and how render jobs and their results get from the bridge into Blender."""
