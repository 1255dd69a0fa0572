"""The error for a wrong value has no regular expression, but tells what may be written instead."""

import inspect
import json
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import msgspec
import pytest

from shared import api, frames
from shared.errors import InvalidFrame
from shared.health import taxonomy

FEW: list[tuple[Any, Any, str]] = [
    (frames.KeyName, "x", "admin, host"),
    (list[frames.EventType], ["message.created", "x"], "conversation.changed, message.created"),
    (api.WebhookRequest, {"url": "https://a.example", "events": ["x"]}, "message.deleted"),
    (api.ReportRequest, {"client_id": "c", "user_id": "bob", "reason": "x"}, "fraud, harassment"),
    (taxonomy.Category, "x", "validation_error"),
]


def refused(kind: Any, value: Any) -> str:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, kind)
    return frames.fault(caught.value, kind)


@pytest.mark.parametrize(("kind", "value", "named"), FEW)
def test_a_value_that_is_none_of_a_few_is_answered_with_the_few(
    kind: Any, value: Any, named: str
) -> None:
    said = refused(kind, value)
    assert "Invalid enum value 'x'" in said
    assert f"; known are: {named}" in said or f", {named}" in said


def test_a_frame_with_such_a_value_names_those_of_its_field() -> None:
    frame = {"type": "delete_message", "message_id": 1, "mode": "all"}
    with pytest.raises(InvalidFrame) as caught:
        frames.decode(json.dumps(frame))
    assert caught.value.message.endswith("- at `$.mode`; known are: everyone, me")


def test_a_wrong_time_is_answered_with_a_right_one() -> None:
    assert refused(api.Since, "yesterday") == "Expected a time such as 2026-11-29T12:00:00Z"


def patterned() -> Iterator[tuple[str, Any]]:
    """Each type of a field that has a pattern."""
    for module in (frames, api, taxonomy):
        for name, kind in inspect.getmembers(module):
            if get_origin(kind) is Annotated and any(
                getattr(meta, "pattern", None) for meta in get_args(kind)[1:]
            ):
                yield name, kind


@pytest.mark.parametrize(("name", "kind"), list(patterned()))
def test_no_fault_shows_a_regular_expression(name: str, kind: Any) -> None:
    said = refused(kind, "\x00")
    assert "regex" not in said
    assert "\\" not in said
