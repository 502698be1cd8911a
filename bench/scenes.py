# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the scenes of the benchmark from a sample scene: blender -b demo-still.blend -P bench/scenes.py -- FOLDER

heavy.blend: much geometry, few samples: most of a frame's time is spent before its first sample.
long.blend: little geometry, many samples: most of a frame's time is rendering.
still.blend: the same at four times the pixels and twice the samples.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

folder = Path(sys.argv[sys.argv.index("--") + 1])
scene = bpy.context.scene


def save(name: str) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / f"{name}.blend"), copy=True, compress=False)


scene.frame_start, scene.frame_end = 1, 4
scene.render.resolution_percentage = 300
samples = scene.cycles.samples
scene.cycles.samples = 2 * samples
save("still")
scene.cycles.samples = samples

scene.render.resolution_percentage = 150
save("long")

scene.render.resolution_percentage = 50
scene.cycles.samples = 2
scene.use_nodes = False
scene.frame_start, scene.frame_end = 1, 12
for thing in scene.objects:
    if thing.type == "MESH" and len(thing.data.polygons) > 200:
        thing.modifiers.new("Heavy", "SUBSURF").render_levels = 3
camera = scene.camera
camera.keyframe_insert("location", frame=1)
camera.location.x += 0.2
camera.keyframe_insert("location", frame=12)
save("heavy")
