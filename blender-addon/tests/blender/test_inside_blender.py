# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs tests/inside/checks.py in a real Blender, once, and counts each of its checks."""

import ast
import json
import subprocess
from pathlib import Path

import pytest
from blender_window import blender_here, plain_environment
from time_limit import time_limit

import build_zip

INSIDE = Path(__file__).parents[1] / "inside"
CHECKS = [
    node.name
    for node in ast.parse((INSIDE / "checks.py").read_text("utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    folder = tmp_path_factory.mktemp("inside")
    build_zip.assemble(folder)
    report = folder / "report.json"
    words = ["-b", "--factory-startup", "--python-exit-code", "1", "--python", str(INSIDE / "run_in_blender.py")]
    done = subprocess.run(
        [blender_here(), *words, "--", str(folder), "checks", str(report)],
        env={**plain_environment(), "BLENDER_USER_CONFIG": str(folder / "config")},
        capture_output=True,
        text=True,
        timeout=time_limit(300),
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    return json.loads(report.read_text("utf-8"))


@pytest.mark.parametrize("name", CHECKS)
def test_check_holds_inside_blender(outcomes: dict[str, str | None], name: str) -> None:
    assert outcomes[name] is None, outcomes[name]
