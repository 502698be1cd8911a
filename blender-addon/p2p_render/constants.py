# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and numbers that several files share."""

# What Blender calls the add-on: `p2p_render`, or as an extension `bl_ext.<repository>.p2p_render`.
ADDON = __package__
ENGINE_ID = "P2P_SWARM"
ENGINE_LABEL = "P2P Swarm"
PROTOCOL = 1
VERSION = "0.1.0"
# States of a job after which nothing of it runs anywhere.
ENDED_STATES = frozenset({"complete", "incomplete", "cancelled", "failed"})
