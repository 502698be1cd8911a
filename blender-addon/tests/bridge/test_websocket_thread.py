# SPDX-License-Identifier: GPL-2.0-or-later
"""The connection, against a real WebSocket server."""

import time

from fake_bridge import TOKEN, FakeBridge, golden

from p2p_render.bridge.discovery import Endpoint
from p2p_render.bridge.websocket_thread import BridgeConnection, ConnectionEnded
from p2p_render.bridge.wire import generated, messages


def connect(fake: FakeBridge, token: str = TOKEN) -> BridgeConnection:
    connection = BridgeConnection(Endpoint(f"ws://127.0.0.1:{fake.port}/", token))
    connection.start()
    return connection


def end_of(connection: BridgeConnection) -> ConnectionEnded:
    ended = connection.wait(10)
    assert isinstance(ended, ConnectionEnded)
    return ended


def test_the_welcome_comes_first_and_replies_carry_their_numbers(fake: FakeBridge) -> None:
    connection = connect(fake)
    assert isinstance(connection.wait(10), generated.Welcome)
    number = connection.request("jobs.list", {})
    reply = connection.wait(10)
    assert isinstance(reply, generated.Reply)
    assert (reply.id, messages.parse_result("jobs.list", reply.result).jobs[0].state) == (number, "running")
    connection.close()
    assert connection.join(5)


def test_pushed_messages_are_received(fake: FakeBridge) -> None:
    connection = connect(fake)
    connection.wait(10)
    connection.request("jobs.list", {})
    connection.wait(10)  # the server knows us by now
    fake.push(golden("swarm"))
    assert isinstance(connection.wait(10), generated.SwarmChanged)
    connection.close()


def test_drain_never_waits(fake: FakeBridge) -> None:
    connection = connect(fake)
    connection.wait(10)
    before = time.perf_counter()
    assert connection.drain() == []
    assert time.perf_counter() - before < 1
    connection.close()


def test_a_wrong_token_ends_the_connection(fake: FakeBridge) -> None:
    connection = connect(fake, "0" * 64)
    assert isinstance(connection.wait(10), generated.Refused)
    assert isinstance(connection.wait(10), ConnectionEnded)


def test_a_newer_protocol_is_reported_with_what_to_update(fake: FakeBridge) -> None:
    fake.protocol = 2
    connection = connect(fake)
    connection.wait(10)
    assert "update the add-on" in end_of(connection).message


def test_a_lost_connection_is_reported_once_and_later_requests_are_ignored(fake: FakeBridge) -> None:
    connection = connect(fake)
    connection.wait(10)
    fake.die()
    assert connection.wait(10) == ConnectionEnded("CONNECTION_LOST", "The bridge has disconnected.")
    assert connection.join(5)
    connection.request("jobs.list", {})
    assert connection.drain() == []


def test_a_connection_that_nobody_accepts_is_reported() -> None:
    connection = BridgeConnection(Endpoint("ws://127.0.0.1:9/", TOKEN))
    connection.start()
    assert end_of(connection).code == "CONNECTION_LOST"


def test_an_invalid_message_is_reported_as_a_protocol_error(fake: FakeBridge) -> None:
    connection = connect(fake)
    connection.wait(10)
    connection.request("jobs.list", {})
    connection.wait(10)
    fake.push({"type": "event", "job": 7})
    assert end_of(connection).code == "CONNECTION_PROTOCOL_ERROR"
