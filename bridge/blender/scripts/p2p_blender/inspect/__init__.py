# SPDX-License-Identifier: GPL-2.0-or-later
"""Inspects a scene for a job: facts, files, outputs, and which scene frames each frame is made of."""
