"""Tests the files of the web page: which there are, and what must not be in them."""

import posixpath
import re

import pytest

from services.gateway.page import SERVED, WEB


@pytest.mark.parametrize(
    ("page", "entry"), [("index.html", "app.js"), ("docs/index.html", "docs/docs.js")]
)
def test_every_module_is_fetched_at_once(page: str, entry: str) -> None:
    files = sources()
    preloaded = re.findall(r'"modulepreload" href="/static/([^"]+)"', files[page])
    assert len(preloaded) == len(set(preloaded))
    assert {*preloaded, entry} == imported(files, entry)


def imported(files: dict[str, str], entry: str) -> set[str]:
    """The module, and all that it imports."""
    found = {entry}
    todo = [entry]
    while todo:
        name = todo.pop()
        for path in re.findall(r'from "(\.[^"]+)"', files[name]):
            module = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            if module not in found:
                found.add(module)
                todo.append(module)
    return found


def test_no_module_is_left_over() -> None:
    files = sources()
    used = imported(files, "app.js") | imported(files, "docs/docs.js") | {"service-worker.js"}
    assert used == {name for name in files if name.endswith(".js")}


def test_no_file_of_the_page_makes_markup_from_text() -> None:
    markup = re.compile(
        r"(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\b|javascript:"
    )
    assert [name for name, source in sources().items() if markup.search(source)] == []


def sources() -> dict[str, str]:
    files = (path for path in WEB.rglob("*") if path.suffix in SERVED)
    return {path.relative_to(WEB).as_posix(): path.read_text("utf-8") for path in files}
