# SPDX-License-Identifier: GPL-2.0-or-later
"""The golden messages, which are also parsed by the bridge's tests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from p2p_render.bridge import job_submission
from p2p_render.bridge.wire import generated, messages
from p2p_render.bridge.wire.decoding import BadMessage

WIRE = Path(__file__).parents[1] / "fixtures" / "wire"
# In the titles of messages that the bridge's schema refuses and the add-on accepts: a newer bridge may send more.
TOLERATED = "unknown"


def frames(kind: str) -> list[Any]:
    """Each golden message with the name of its file."""
    files = sorted((WIRE / "bridge").glob("*.json"))
    cases = [(file.stem, case) for file in files for case in json.loads(file.read_text("utf-8"))[kind]]
    return [pytest.param(name, case["frame"], id=f"{name}: {case['why']}") for name, case in cases]


def take(name: str, frame: dict[str, Any]) -> Any:
    message = messages.parse(json.dumps(frame))
    if isinstance(message, generated.Reply):
        return messages.parse_result(name.removeprefix("reply."), message.result)
    return message


@pytest.mark.parametrize(("name", "frame"), frames("valid"))
def test_valid_messages_of_the_bridge_are_decoded(name: str, frame: dict[str, Any]) -> None:
    taken = take(name, frame)
    if name.startswith("event."):
        assert not isinstance(taken.event, messages.OtherEvent)


@pytest.mark.parametrize(("name", "frame"), frames("invalid"))
def test_invalid_messages_are_rejected_or_harmless(name: str, frame: dict[str, Any], request: pytest.FixtureRequest) -> None:
    try:
        taken = take(name, frame)
    except BadMessage:
        return
    assert isinstance(getattr(taken, "event", None), messages.OtherEvent) or TOLERATED in request.node.name, taken


def test_hello_and_requests_have_the_form_that_the_bridge_expects() -> None:
    valid = json.loads((WIRE / "client" / "hello.json").read_text("utf-8"))["valid"][0]["frame"]
    ours = json.loads(messages.hello("t"))
    assert ours.keys() == valid.keys()
    assert ours["client"].keys() == valid["client"].keys()
    assert json.loads(messages.request(1, "jobs.list", {})) == json.loads((WIRE / "client" / "jobs.list.json").read_text())[
        "valid"
    ][0]["frame"] | {"id": 1}


@pytest.mark.parametrize("kind", [job_submission.still, job_submission.animation_raw, job_submission.files])
def test_submissions_have_only_fields_that_the_bridge_knows(kind: Callable[..., dict[str, Any]]) -> None:
    cases = json.loads((WIRE / "client" / "jobs.submit.json").read_text("utf-8"))["valid"]
    known = {key for case in cases for key in case["frame"]["params"]}
    scene = job_submission.SavedScene("/c.blend", "/s.blend", "s", "Scene", "1..3x1", False, "/", "/usr/bin/blender")
    assert kind(scene, job_submission.SceneSettings()).keys() <= known
