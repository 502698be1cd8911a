# SPDX-License-Identifier: GPL-2.0-or-later
"""What is needed when the bridge runs on another computer: uploads, downloads, self-contained copies."""
