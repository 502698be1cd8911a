# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes every sample scene anew: blender -b --factory-startup --python sample-scenes/make_all.py

Run it with the oldest Blender that the scenes must open in (3.4).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "make"))

import demo
import eyes
import files
import pictures
import several

for part in (several, pictures, files, eyes, demo):
    part.make()
