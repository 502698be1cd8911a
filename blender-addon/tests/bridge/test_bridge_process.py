# SPDX-License-Identifier: GPL-2.0-or-later
"""Finding and starting a bridge, with real processes."""

import json
import stat
import sys
from pathlib import Path

import pytest
from time_limit import until

from p2p_render.bridge.bridge_process import BridgeFailed, BridgeMissing, StartedBridge, command_of
from p2p_render.bridge.discovery import BridgeSettings, Endpoint, find_running, home_of


def program(folder: Path, text: str) -> str:
    """A bridge that the test controls."""
    path = folder / "p2p-render"
    path.write_text(f"#!{sys.executable}\n{text}", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def wait_for(started: StartedBridge) -> Endpoint:
    return until(started.endpoint, lambda: "it did not come up")


SERVES = """
import json, sys, pathlib
home = pathlib.Path(sys.argv[sys.argv.index("--home") + 1])
home.mkdir(parents=True, exist_ok=True)
(home / "t").write_text("secret\\n")
(home / "gateway.json").write_text(json.dumps({"port": 4711, "tokenFile": str(home / "t")}))
"""


def test_the_home_folder_follows_the_rule_of_the_bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home_of(BridgeSettings(home=str(tmp_path))) == tmp_path
    monkeypatch.setenv("BRIDGE_HOME", str(tmp_path / "other"))
    assert home_of(BridgeSettings()) == tmp_path / "other"
    monkeypatch.delenv("BRIDGE_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    if sys.platform.startswith("linux"):
        assert home_of(BridgeSettings()) == tmp_path / "p2p-render"


@pytest.mark.parametrize("note", ["", "[]", '{"port": "x"}', '{"port": 1, "tokenFile": "/nowhere"}'])
def test_an_unreadable_gateway_file_is_no_bridge(tmp_path: Path, note: str) -> None:
    (tmp_path / "gateway.json").write_text(note, "utf-8")
    assert find_running(BridgeSettings(home=str(tmp_path))) is None


def test_a_started_bridge_is_found_by_its_gateway_file(tmp_path: Path) -> None:
    settings = BridgeSettings(program=program(tmp_path, SERVES), home=str(tmp_path / "home"))
    assert wait_for(StartedBridge(settings)).token == "secret"


def test_a_stale_gateway_file_is_not_taken_for_the_bridge_that_starts(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "stale").write_text("old", "utf-8")
    (home / "gateway.json").write_text(json.dumps({"port": 1, "tokenFile": str(home / "stale")}), "utf-8")
    settings = BridgeSettings(program=program(tmp_path, SERVES), home=str(home))
    assert wait_for(StartedBridge(settings)).token == "secret"


def test_a_bridge_that_ends_at_once_is_reported_with_its_output(tmp_path: Path) -> None:
    settings = BridgeSettings(program=program(tmp_path, 'print("no space left"); raise SystemExit(3)'), home=str(tmp_path / "home"))
    with pytest.raises(BridgeFailed, match="no space left"):
        wait_for(StartedBridge(settings))


def test_a_missing_program_is_reported_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BridgeMissing, match="preferences"):
        command_of(BridgeSettings(program=str(tmp_path / "nothing")))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("P2P_RENDER_BRIDGE", raising=False)
    with pytest.raises(BridgeMissing, match="install it"):
        command_of(BridgeSettings())


def test_the_swarm_of_the_preferences_is_passed_to_the_bridge(tmp_path: Path) -> None:
    words = command_of(BridgeSettings(program=program(tmp_path, ""), home=str(tmp_path), swarm="friends"))
    assert words[-2:] == ["--swarm", "friends"]
