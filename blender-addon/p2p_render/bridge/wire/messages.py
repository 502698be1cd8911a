# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames of the WebSocket: text to values, and back. The classes are generated from the bridge's schemas."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ... import constants
from .decoding import BadMessage, decode
from .generated import EVENTS, FRAMES, RESULTS, Failure, JobEvent, Refused, Reply, SwarmChanged, Welcome

# Parameters of a method, as the bridge's schema names them.
Params = Mapping[str, Any]

BridgeMessage = Welcome | Refused | Reply | Failure | SwarmChanged | JobEvent


@dataclass(frozen=True)
class OtherEvent:
    """An event of a newer bridge."""

    event: str


def parse(text: str) -> BridgeMessage:
    """One message of the bridge. Raises BadMessage."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadMessage("the bridge sent something that is not JSON") from error
    kind = FRAMES.get(str(value.get("type"))) if isinstance(value, dict) else None
    if kind is None:
        raise BadMessage("the bridge sent a message of an unknown type")
    message: BridgeMessage = decode(kind, value, value["type"])
    return replace(message, event=_event(message.event)) if isinstance(message, JobEvent) else message


def _event(event: Any) -> Any:
    name = event.get("event") if isinstance(event, dict) else None
    if not isinstance(name, str):
        raise BadMessage("an event has no name")
    return decode(EVENTS[name], event, name) if name in EVENTS else OtherEvent(name)


def parse_result(method: str, result: Any) -> Any:
    """The result of a method as a value; an empty one stays as it is. Raises BadMessage."""
    return decode(RESULTS[method], result, method) if method in RESULTS else result


def hello(token: str) -> str:
    """Our first message."""
    client = {"name": "blender-addon", "version": constants.VERSION}
    return json.dumps({"type": "hello", "protocol": constants.PROTOCOL, "token": token, "client": client})


def request(number: int, method: str, params: Params) -> str:
    """A method call; its reply carries `number`."""
    return json.dumps({"type": "request", "id": number, "method": method, "params": params})
