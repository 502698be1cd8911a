# SPDX-License-Identifier: GPL-2.0-or-later
"""What the artist sees and presses."""
