# SPDX-License-Identifier: GPL-2.0-or-later
"""What is read from the open scene, and the copy of it that the bridge gets."""
