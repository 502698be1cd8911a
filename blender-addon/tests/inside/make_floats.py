# SPDX-License-Identifier: GPL-2.0-or-later
"""Inside Blender: renders the open scene's frame as floats, whole and in four tiles, and writes the events that a bridge would say.

blender -b scene.blend --python make_floats.py -- FOLDER FRAME
"""

import json
import sys
from pathlib import Path

import bpy

folder, frame = Path(sys.argv[-2]), int(sys.argv[-1])
scene, render = bpy.context.scene, bpy.context.scene.render
scene.frame_set(frame)
render.use_stamp = render.use_freestyle = render.use_compositing = render.use_sequencer = render.use_file_extension = False
settings = render.image_settings
settings.file_format, settings.exr_codec, settings.color_depth = "OPEN_EXR_MULTILAYER", "NONE", "32"
scale = render.resolution_percentage / 100
width, height = int(render.resolution_x * scale), int(render.resolution_y * scale)
left, bottom, right, top = 0, 0, width, height
if render.use_border:
    left, right = int(render.border_min_x * width), int(render.border_max_x * width)
    bottom, top = int(render.border_min_y * height), int(render.border_max_y * height)
render.use_border = render.use_crop_to_border = True
region = {"x": left, "y": bottom, "width": right - left, "height": top - bottom}


def render_rect(path, rect):
    render.border_min_x, render.border_max_x = (rect["x"] + 0.25) / width, (rect["x"] + rect["width"] + 0.25) / width
    render.border_min_y, render.border_max_y = (rect["y"] + 0.25) / height, (rect["y"] + rect["height"] + 0.25) / height
    render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


events = []
half_x, half_y = (left + right) // 2, (bottom + top) // 2
columns, rows = ((left, half_x), (half_x, right)), ((bottom, half_y), (half_y, top))
for number, (across, up) in enumerate((across, up) for up in rows for across in columns):
    rect = {"x": across[0], "y": up[0], "width": across[1] - across[0], "height": up[1] - up[0]}
    path = folder / f"tile{number}.exr"
    render_rect(path, rect)
    place = {"scene": scene.name, "frame": frame, "rect": rect}
    events += [
        {"event": "chunk-leased", "chunk": f"c{number}", "donor": "d1", "attempt": 1, "place": place},
        {
            "event": "chunk-accepted",
            "chunk": f"c{number}",
            "donor": "d1",
            "seconds": 1,
            "bytes": 1,
            "done": number + 1,
            "total": 4,
            "place": place,
        },
        {
            "event": "tile",
            "chunk": f"c{number}",
            "donor": "d1",
            "scene": scene.name,
            "frame": frame,
            "rect": rect,
            "region": region,
            "path": str(path),
        },
    ]
render_rect(folder / "whole.exr", region)
picture = {
    "scene": scene.name,
    "frame": frame,
    "path": str(folder / "whole.exr"),
    "width": width,
    "height": height,
    "region": region,
}
joined = {"event": "donor-joined", "donor": "d1", "name": "studio", "slots": 2, "local": False}
(folder / "plan.json").write_text(
    json.dumps({"events": [joined, *events, {"event": "frame-raw", "frame": frame, "pictures": [picture]}]})
)
