"""A refusal is recorded by its code, as what it is, and nothing of what was sent."""

import pytest

from services.gateway.socket.refusals import CATEGORIES, TOLD, Refusals
from shared.errors import InvalidRequest, NotFound, Unauthorized
from shared.health.counters import Counters
from shared.health.records import Ledger, use


@pytest.mark.parametrize(("code", "category"), CATEGORIES.items())
def test_s102_each_refusal_has_its_category(code: str, category: str) -> None:
    with use(Ledger("gateway")) as ledger:
        Refusals(Counters()).tell(code, user_id="u1", address="203.0.113.7", why="expired")
    [found] = ledger.recent()
    said = f"refused: {code} (expired)"
    assert (found.category, found.message, found.user) == (category, said, "u1")
    assert "203.0.113.7" not in repr(found)


def test_every_code_that_the_log_is_told_of_has_a_category() -> None:
    assert set(CATEGORIES) > TOLD


def test_what_is_not_there_is_an_answer_and_no_error() -> None:
    with use(Ledger("gateway")) as ledger:
        refusals = Refusals(Counters())
        for error in (NotFound("canary"), InvalidRequest("canary"), Unauthorized("canary")):
            refusals.of_request({"client": ("203.0.113.7", 1)}, error)
    categories = [found.category for found in ledger.recent()]
    assert categories == ["auth_error", "validation_error"]
    assert "canary" not in repr(ledger.recent())
