# SPDX-License-Identifier: GPL-2.0-or-later
"""Tells what a job must know of a scene: facts, files, outputs, and which pictures each frame is made of."""
