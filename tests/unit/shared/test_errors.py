"""The codes are a closed set, and each says what the client should do."""

import re

import pytest

from shared import errors
from shared.commands import Refused
from shared.errors import BY_CODE, Internal, LinkupError

TEMPORARY = {"rate_limited", "out_of_order", "unavailable", "overloaded", "internal"}
PERMANENT = {
    *("invalid_frame", "invalid_request", "unauthorized", "forbidden", "not_found"),
    *(
        "client_id_conflict",
        "edit_window_closed",
        "too_large",
        "resync_required",
        "unsupported",
        "rejected",
    ),
}


def test_the_set_is_closed() -> None:
    defined = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, LinkupError) and kind is not LinkupError
    }
    assert set(BY_CODE.values()) == defined
    assert BY_CODE.keys() == TEMPORARY | PERMANENT


@pytest.mark.parametrize("code", sorted(TEMPORARY | PERMANENT))
def test_c2_each_code_says_whether_to_send_the_same_again(code: str) -> None:
    kind = BY_CODE[code]
    assert kind.temporary is (code in TEMPORARY)
    assert re.match(r"[a-z_]+\Z", code)
    assert 400 <= kind.status < 600


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_an_error_comes_over_the_bus_as_it_went(code: str) -> None:
    error = Refused(code, "why", 250).error("c1")
    assert (type(error), str(error), error.client_id) == (BY_CODE[code], "why", "c1")
    assert error.retry_after_ms == 250


def test_a_code_of_a_later_version_is_internal() -> None:
    assert isinstance(Refused("quota_exceeded", "x").error(), Internal)
