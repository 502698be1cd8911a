# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns parsed JSON into frozen dataclasses, checked against their annotations: `camelCase` in JSON, `snake_case` in Python."""

import dataclasses
import functools
import types
import typing
from typing import Any


class BadMessage(ValueError):
    """A message does not have the expected shape; the text says where."""


@dataclasses.dataclass(frozen=True)
class AtLeast:
    """A bound on a number: `Annotated[int, AtLeast(0)]`."""

    value: int


def decode(kind: Any, value: Any, where: str = "message") -> Any:
    """`value` as a `kind`: a dataclass, `tuple[X, ...]`, `dict[str, X]`, `X | None`, `Literal`, a bounded
    number or a plain type. Raises BadMessage."""
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return _decode_bounded(kind, value, where)
    if origin is types.UnionType or origin is typing.Union:
        return _decode_optional(kind, value, where)
    if origin is dict:
        (_, item) = typing.get_args(kind)
        _expect(isinstance(value, dict), where, "an object")
        return {key: decode(item, each, f"{where}.{key}") for key, each in value.items()}
    if origin is tuple:
        (item, _) = typing.get_args(kind)
        _expect(isinstance(value, list), where, "a list")
        return tuple(decode(item, each, f"{where}[{index}]") for index, each in enumerate(value))
    if origin is typing.Literal:
        _expect(value in typing.get_args(kind), where, "one of the known words")
        return value
    if dataclasses.is_dataclass(kind):
        _expect(isinstance(value, dict), where, "an object")
        return _decode_object(kind, value, where)
    if kind is float:
        _expect(isinstance(value, int | float) and not isinstance(value, bool), where, "a number")
        return float(value)
    if kind is Any:
        return value
    _expect(isinstance(value, kind) and (kind is bool or not isinstance(value, bool)), where, kind.__name__)
    return value


def _decode_bounded(kind: Any, value: Any, where: str) -> Any:
    inner, bound = typing.get_args(kind)
    number = decode(inner, value, where)
    _expect(number >= bound.value, where, f"{bound.value} or more")
    return number


def _decode_optional(kind: Any, value: Any, where: str) -> Any:
    if value is None:
        return None
    (inner,) = (each for each in typing.get_args(kind) if each is not types.NoneType)
    return decode(inner, value, where)


def _decode_object(kind: Any, value: dict[str, Any], where: str) -> Any:
    """Unknown fields are ignored: a newer bridge may send more."""
    taken = {}
    for name, key, field_kind, is_required in _fields(kind):
        if key in value:
            taken[name] = decode(field_kind, value[key], f"{where}.{key}")
        else:
            _expect(not is_required, f"{where}.{key}", "present")
    return kind(**taken)


@functools.cache
def _fields(kind: Any) -> tuple[tuple[str, str, Any, bool], ...]:
    """Of each field: its name, its JSON key, its type, and whether it is required."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return tuple(
        (field.name, _camel(field.name), hints[field.name], field.default is dataclasses.MISSING)
        for field in dataclasses.fields(kind)
    )


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _expect(holds: bool, where: str, what: str) -> None:
    if not holds:
        raise BadMessage(f"{where} is not {what}")
