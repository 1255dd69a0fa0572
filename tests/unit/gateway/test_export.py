"""The document of an export: read as it is taken, and known to be whole."""

import msgspec
import pytest

from services.gateway.api import export as module
from services.gateway.api.export import Page, document
from shared.errors import NotFound, Unavailable

BEGIN = b'{"profile":{}'


class Pages:
    """A part of so many pages. `faults`: errors that come before the next page."""

    def __init__(self, *pages: list[bytes]) -> None:
        self.pages = pages
        self.asked: list[str] = []
        self.faults: list[Exception] = []

    async def __call__(self, after: str) -> Page:
        if self.faults:
            raise self.faults.pop()
        self.asked.append(after)
        number = int(after or 0)
        return self.pages[number], str(number + 1) if number + 1 < len(self.pages) else ""


async def whole(**parts: Pages) -> bytes:
    return b"".join([piece async for piece in document(BEGIN, parts)])


async def test_pages_are_put_together_also_those_that_are_empty() -> None:
    several = Pages([], [b"1", b"2"], [], [b"3"], [])
    written = await whole(several=several, none=Pages([]), one=Pages([b'"x"']))
    assert msgspec.json.decode(written) == {
        "profile": {},
        "several": [1, 2, 3],
        "none": [],
        "one": ["x"],
        "complete": True,
    }


async def test_a_page_is_asked_for_when_the_one_before_is_taken() -> None:
    pages = Pages([b"1"], [b"2"], [b"3"])
    written = document(BEGIN, {"rows": pages})
    asked = []
    async for piece in written:
        asked.append((piece, len(pages.asked)))
    assert asked[2:5] == [(b"1", 1), (b",2", 2), (b",3", 3)]


async def test_a_service_that_is_away_for_a_moment_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0)
    pages = Pages([b"1"], [b"2"])
    pages.faults = [Unavailable("away")] * (module.ATTEMPTS - 1)
    assert msgspec.json.decode(await whole(rows=pages))["rows"] == [1, 2]


@pytest.mark.parametrize("error", [NotFound("erased meanwhile"), Unavailable("away")])
async def test_what_ends_early_is_no_document(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0)
    broken = Pages([b"1"])
    broken.faults = [error] * module.ATTEMPTS
    written = await whole(rows=Pages([b"1"]), broken=broken)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(written)
