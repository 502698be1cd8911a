# SPDX-License-Identifier: GPL-2.0-or-later
"""The connection, against a real WebSocket server."""

import time

from fake_bridge import TOKEN, golden

from p2p_render import messages
from p2p_render.bridge_process import BridgePlace, find_running
from p2p_render.link import Ended, Endpoint, Link


def connect(fake, token=TOKEN):
    link = Link(Endpoint(find_running(BridgePlace(home=str(fake.home))).url, token))
    link.start()
    return link


def test_welcome_comes_first_then_replies_carry_their_numbers(fake):
    link = connect(fake)
    assert isinstance(link.wait(10), messages.Welcome)
    number = link.request("jobs.list", {})
    reply = link.wait(10)
    assert (reply.id, messages.parse_result("jobs.list", reply.result).jobs[0].state) == (number, "running")
    link.close()
    assert link.join(5)


def test_what_is_pushed_arrives_without_being_asked_for(fake):
    link = connect(fake)
    link.wait(10)
    link.request("jobs.list", {})
    link.wait(10)  # the server knows us by now
    fake.push(golden("swarm"))
    assert isinstance(link.wait(10), messages.SwarmChanged)
    link.close()


def test_drain_never_waits(fake):
    link = connect(fake)
    link.wait(10)
    before = time.perf_counter()
    assert link.drain() == []
    assert time.perf_counter() - before < 1
    link.close()


def test_a_wrong_token_ends_with_the_bridges_own_words(fake):
    link = connect(fake, "0" * 64)
    assert isinstance(link.wait(10), messages.Refused)
    assert isinstance(link.wait(10), Ended)


def test_a_newer_bridge_says_what_to_update(fake):
    fake.protocol = 2
    link = connect(fake)
    link.wait(10)
    assert "update the add-on" in link.wait(10).message


def test_a_bridge_that_goes_is_told_once_and_later_requests_harm_nobody(fake):
    link = connect(fake)
    link.wait(10)
    fake.die()
    assert link.wait(10) == Ended("LINK_LOST", "The bridge has gone.")
    assert link.join(5)
    link.request("jobs.list", {})
    assert link.drain() == []


def test_nobody_there_is_told():
    link = Link(Endpoint("ws://127.0.0.1:9/", TOKEN))
    link.start()
    assert link.wait(10).code == "LINK_LOST"


def test_garbage_is_told_as_what_it_is(fake):
    link = connect(fake)
    link.wait(10)
    link.request("jobs.list", {})
    link.wait(10)
    fake.push({"type": "event", "job": 7})
    assert link.wait(10).code == "LINK_NOT_UNDERSTOOD"
