# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns parsed JSON into frozen dataclasses, checked by their annotations: `camelCase` there, `snake_case` here."""

import dataclasses
import functools
import types
import typing


class BadMessage(ValueError):
    """The other side said something that does not fit; the message says where."""


def read(kind, value, where="message"):
    """`value` as a `kind`: a dataclass, `tuple[X, ...]`, `X | None`, `Literal` or a plain type. Raises BadMessage."""
    origin = typing.get_origin(kind)
    if origin is types.UnionType:
        return _read_optional(kind, value, where)
    if origin is tuple:
        (item, _) = typing.get_args(kind)
        _expect(isinstance(value, list), where, "a list")
        return tuple(read(item, each, f"{where}[{index}]") for index, each in enumerate(value))
    if origin is typing.Literal:
        _expect(value in typing.get_args(kind), where, "one of the words we know")
        return value
    if dataclasses.is_dataclass(kind):
        _expect(isinstance(value, dict), where, "an object")
        return _read_object(kind, value, where)
    if kind is float:
        _expect(isinstance(value, int | float) and not isinstance(value, bool), where, "a number")
        return float(value)
    if kind is typing.Any:
        return value
    _expect(isinstance(value, kind) and (kind is bool or not isinstance(value, bool)), where, kind.__name__)
    return value


def _read_optional(kind, value, where):
    if value is None:
        return None
    (inner,) = (each for each in typing.get_args(kind) if each is not types.NoneType)
    return read(inner, value, where)


def _read_object(kind, value, where):
    """Fields that we do not know are left out: a newer bridge may say more."""
    taken = {}
    for name, key, field_kind, is_required in _fields(kind):
        if key in value:
            taken[name] = read(field_kind, value[key], f"{where}.{key}")
        else:
            _expect(not is_required, f"{where}.{key}", "there")
    return kind(**taken)


@functools.cache
def _fields(kind):
    hints = typing.get_type_hints(kind)
    return tuple(
        (field.name, _camel(field.name), hints[field.name], field.default is dataclasses.MISSING) for field in dataclasses.fields(kind)
    )


def _camel(name):
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _expect(holds, where, what):
    if not holds:
        raise BadMessage(f"{where} is not {what}")
