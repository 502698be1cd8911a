# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes final pictures from assembled floats."""
