"""A page is written in the language that the browser asks for."""

import pytest

from services.gateway.api.languages import preferred
from services.gateway.api.unsubscribing import WORDS


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        *(("", "en"), ("*", "en"), ("de", "de"), ("DE-at", "de"), ("pt, fr;q=0.3", "fr")),
        *(("en;q=0.4, es;q=0.9", "es"), ("de;q=0, fr", "fr"), ("de;q=0", "en"), (";;,,;q=", "en")),
        *(("de;q=x, fr;q=0.1", "fr"), ("de;q=nan, es", "es"), ("<script>", "en"), ("é", "en")),
    ],
)
def test_s74_a_browser_gets_the_language_it_likes_best(header: str, expected: str) -> None:
    assert preferred(header, WORDS) == expected
