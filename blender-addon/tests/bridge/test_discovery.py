# SPDX-License-Identifier: GPL-2.0-or-later
"""Which bridge is found, and whether it shares our disk."""

from pathlib import Path

import pytest
from fake_bridge import TOKEN, FakeBridge, golden
from remote_clients import Owner

from p2p_render.bridge.blocking_client import BlockingClient
from p2p_render.bridge.bridge_process import BridgeMissing, StartedBridge
from p2p_render.bridge.discovery import BridgeSettings, Endpoint, find_running, is_address
from p2p_render.bridge.shared_disk import is_remote
from p2p_render.bridge.wire import generated


def welcome_of(home: Path) -> generated.Welcome:
    welcome = golden("welcome")
    return generated.Welcome(1, "0.1.0", welcome["pid"], str(home), welcome["session"])


def test_only_a_bridge_whose_gateway_file_is_here_shares_our_disk(fake: FakeBridge, tmp_path: Path) -> None:
    endpoint = Endpoint(f"ws://127.0.0.1:{fake.port}/", TOKEN)
    assert not is_remote(welcome_of(fake.home), endpoint)
    assert is_remote(welcome_of(tmp_path / "other"), endpoint)
    assert is_remote(welcome_of(fake.home), Endpoint("ws://127.0.0.1:9/", TOKEN))
    for change in ('"pid": 4711', '"session": "5b1f0c2e"'):
        note = (fake.home / "gateway.json").read_text("utf-8")
        assert change in note
        (fake.home / "gateway.json").write_text(note.replace(change, change.replace("1", "2")), "utf-8")
        assert is_remote(welcome_of(fake.home), endpoint)
        (fake.home / "gateway.json").write_text(note, "utf-8")
    (fake.home / "gateway.json").write_text("{", "utf-8")
    assert is_remote(welcome_of(fake.home), endpoint)


@pytest.mark.parametrize("text", ["127.0.0.1:1", "127.0.0.1:65535", "[::1]:7777"])
def test_loopback_addresses_are_accepted(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "localhost:7", "10.0.0.7:7777", "127.0.0.1:7/", "a:b", "127.0.0.1:07"],
)
def test_other_addresses_are_not_accepted(text: str) -> None:
    assert not is_address(text)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (BridgeSettings(address="127.0.0.1:9", token="t"), "is the tunnel open"),
        (BridgeSettings(address="127.0.0.1:9"), "requires its token"),
        (BridgeSettings(address="farm.example:9", token="t"), "write 127.0.0.1:PORT"),
    ],
)
def test_with_an_address_no_bridge_is_started_and_the_message_says_what_to_do(
    settings: BridgeSettings, words: str, owner: Owner
) -> None:
    with pytest.raises(BridgeMissing, match=words):
        StartedBridge(settings)
    with pytest.raises(BridgeMissing, match=words):
        BlockingClient(settings, owner).connect()


def test_an_address_takes_precedence_over_a_gateway_file(fake: FakeBridge) -> None:
    settings = BridgeSettings(home=str(fake.home), address="127.0.0.1:9", token="t")
    assert find_running(settings) == Endpoint("ws://127.0.0.1:9/", "t")
