# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs inside Blender for the bridge. The entry scripts lie beside this package."""
