# SPDX-License-Identifier: GPL-2.0-or-later
"""Renders chunks of a scene."""
