# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds where the scripts inside Blender ask for its version, or for what only some versions have, outside `compat`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1] / "blender" / "scripts"
VERSIONS = {"bpy.app.version", "bpy.app.version_string"}
COMPAT = SCRIPTS / "p2p_blender" / "common" / "compat.py"


def questions_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and wording of each question about the version."""
    for node in ast.walk(tree):
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in VERSIONS) or (isinstance(node, ast.Call) and asks_for(node)):
            yield node.lineno, ast.unparse(node)


def asks_for(call: ast.Call) -> bool:
    """Whether a call asks if there is such an attribute; `getattr` without a default does not."""
    function = ast.unparse(call.func)
    return function == "hasattr" or (function == "getattr" and len(call.args) == 3)


def main() -> int:
    files = [file for file in sorted(SCRIPTS.rglob("*.py")) if file != COMPAT]
    found = [(file, *question) for file in files for question in questions_in(ast.parse(file.read_text("utf-8")))]
    for file, line, wording in found:
        print(f"{file.relative_to(SCRIPTS)}:{line}: {wording} belongs into {COMPAT.relative_to(SCRIPTS)}")
    if not files or not COMPAT.exists():
        print(f"there are no scripts in {SCRIPTS}")
        return 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
