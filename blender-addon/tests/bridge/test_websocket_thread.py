# SPDX-License-Identifier: GPL-2.0-or-later
"""The connection, against a real WebSocket server."""

from fake_bridge import TOKEN, FakeBridge, golden
from time_limit import time_limit

from p2p_render.bridge.discovery import Endpoint
from p2p_render.bridge.websocket_thread import BridgeConnection, ConnectionEnded
from p2p_render.bridge.wire import generated, messages

LIMIT = time_limit(60)


def connect(fake: FakeBridge, token: str = TOKEN) -> BridgeConnection:
    connection = BridgeConnection(Endpoint(f"ws://127.0.0.1:{fake.port}/", token))
    connection.start()
    return connection


def end_of(connection: BridgeConnection) -> ConnectionEnded:
    ended = connection.wait(LIMIT)
    assert isinstance(ended, ConnectionEnded)
    return ended


def test_the_welcome_comes_first_and_replies_carry_their_numbers(fake: FakeBridge) -> None:
    connection = connect(fake)
    assert isinstance(connection.wait(LIMIT), generated.Welcome)
    number = connection.request("jobs.list", {})
    reply = connection.wait(LIMIT)
    assert isinstance(reply, generated.Reply)
    assert (reply.id, messages.parse_result("jobs.list", reply.result).jobs[0].state) == (number, "running")
    connection.close()
    assert connection.join(LIMIT)


def test_pushed_messages_are_received(fake: FakeBridge) -> None:
    connection = connect(fake)
    connection.wait(LIMIT)
    connection.request("jobs.list", {})
    connection.wait(LIMIT)  # the server knows us by now
    fake.push(golden("swarm"))
    assert isinstance(connection.wait(LIMIT), generated.SwarmChanged)
    connection.close()


def test_drain_returns_at_once_where_nothing_came(fake: FakeBridge) -> None:
    connection = connect(fake)
    connection.wait(LIMIT)
    assert connection.drain() == []
    connection.close()


def test_a_wrong_token_ends_the_connection(fake: FakeBridge) -> None:
    connection = connect(fake, "0" * 64)
    assert isinstance(connection.wait(LIMIT), generated.Refused)
    assert isinstance(connection.wait(LIMIT), ConnectionEnded)


def test_a_newer_protocol_is_reported_with_what_to_update(fake: FakeBridge) -> None:
    fake.protocol = 2
    connection = connect(fake)
    connection.wait(LIMIT)
    assert "update the add-on" in end_of(connection).message


def test_a_lost_connection_is_reported_once_and_later_requests_are_ignored(fake: FakeBridge) -> None:
    connection = connect(fake)
    connection.wait(LIMIT)
    fake.die()
    assert connection.wait(LIMIT) == ConnectionEnded("CONNECTION_LOST", "The bridge has disconnected.")
    assert connection.join(LIMIT)
    connection.request("jobs.list", {})
    assert connection.drain() == []


def test_a_connection_that_nobody_accepts_is_reported() -> None:
    connection = BridgeConnection(Endpoint("ws://127.0.0.1:9/", TOKEN))
    connection.start()
    assert end_of(connection).code == "CONNECTION_LOST"


def test_an_invalid_message_is_reported_as_a_protocol_error(fake: FakeBridge) -> None:
    connection = connect(fake)
    connection.wait(LIMIT)
    connection.request("jobs.list", {})
    connection.wait(LIMIT)
    fake.push({"type": "event", "job": 7})
    assert end_of(connection).code == "CONNECTION_PROTOCOL_ERROR"
