# SPDX-License-Identifier: GPL-2.0-or-later
"""Inside Blender: runs the checks of one module and writes a report of their results.

blender -b --factory-startup --python run_in_blender.py -- PACKAGE_FOLDER MODULE REPORT
"""

import importlib
import json
import sys
import traceback
from pathlib import Path

package, module, report = sys.argv[sys.argv.index("--") + 1 :]
sys.path[:0] = [package, str(Path(__file__).parent)]
importlib.import_module("p2p_render.vendored").make_importable()
checks = importlib.import_module(module)

outcomes: dict[str, str | None] = {}
for name, check in vars(checks).items():
    if name.startswith("check_"):
        try:
            check()
            outcomes[name] = None
        except BaseException:  # noqa: BLE001 - it is reported
            outcomes[name] = traceback.format_exc()
Path(report).write_text(json.dumps(outcomes), "utf-8")
