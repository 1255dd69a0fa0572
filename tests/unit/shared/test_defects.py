"""A value that cannot go out is an error of its own category, and says no value."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct

from shared import api, commands, frames
from shared.health.defects import Unencodable, unexpected
from shared.health.records import Ledger, use


class Odd(Struct):
    value: Any


@pytest.mark.parametrize("encode", [frames.encode, commands.encode, api.encode])
@pytest.mark.parametrize("value", [object(), {1: object()}, "\ud800"])
def test_s78_what_cannot_be_encoded_is_a_json_serialization_error(
    encode: Callable[[Struct], bytes], value: Any
) -> None:
    with use(Ledger("test")) as ledger, pytest.raises(Unencodable) as raised:
        encode(Odd(value))
    unexpected(raised.value, "a request failed")  # which counts it no second time
    [found] = ledger.recent()
    assert (found.category, found.count) == ("json_serialization_error", 1)
    assert found.message.startswith("Odd cannot be encoded")


def test_an_unexpected_exception_is_recorded_where_it_was_raised() -> None:
    with use(Ledger("test")) as ledger:
        try:
            frames.time_of("canary")
        except TypeError as error:
            unexpected(error, "a chore failed")
    [found] = ledger.recent()
    assert found.message == (
        f"a chore failed: TypeError in shared/frames/coding.py:{found.context['line']}"
    )
    assert "canary" not in repr(found)
