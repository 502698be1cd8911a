# SPDX-License-Identifier: GPL-2.0-or-later
"""The messages of the bridge's WebSocket, as frozen values."""
