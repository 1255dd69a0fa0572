"""The headers of the page, and what it is told of the ways to sign in."""

import json
import re
from html import unescape

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from services.gateway import page
from shared.errors import SettingError
from shared.settings import Settings, load

APP = "https://app.example.com"


def served(settings: Settings, path: str = "/") -> tuple[dict[str, str], str]:
    answer = TestClient(Starlette(routes=page.routes(settings))).get(path)
    assert answer.status_code == 200
    return dict(answer.headers), answer.text


def test_s3_the_page_is_told_of_the_ways_in_that_are_set() -> None:
    url = f"{APP}/linkup/token?a=1&b=%22"
    settings = Settings(dev_login=True, token_url=url, frame_ancestors=(APP,))
    _, text = served(settings, "/chat/bob/")
    [told] = re.findall(r'name="linkup-ways-in" content="([^"]*)"', text)
    assert json.loads(unescape(told)) == {
        "demo": True,
        "token_url": url,
        "frame_ancestors": [APP],
        "avatar_origins": [],
    }


def test_s3_no_other_page_frames_it_and_it_asks_nobody_else_unless_that_is_set() -> None:
    headers, _ = served(Settings())
    assert "connect-src 'self';" in headers["content-security-policy"]
    assert "frame-ancestors 'none';" in headers["content-security-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"


def test_s3_the_app_frames_it_and_is_asked() -> None:
    settings = Settings(
        token_url="https://api.example.com:8443/t", frame_ancestors=(APP, "https://b.example")
    )
    headers, _ = served(settings)
    policy = headers["content-security-policy"]
    assert "connect-src 'self' https://api.example.com:8443;" in policy
    assert f"frame-ancestors {APP} https://b.example;" in policy
    assert headers["cross-origin-opener-policy"] == "same-origin-allow-popups"
    for path in ("/docs", "/static/app.js", "/service-worker.js"):
        headers, _ = served(settings, path)
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_s87_pictures_come_only_from_the_origins_that_are_set() -> None:
    headers, _ = served(Settings())
    assert "img-src 'self';" in headers["content-security-policy"]
    pictures = ("https://pictures.example.com", "https://cdn.example.com:8443")
    settings = Settings(avatar_origins=pictures)
    headers, text = served(settings)
    assert f"img-src 'self' {' '.join(pictures)};" in headers["content-security-policy"]
    assert all(origin in unescape(text) for origin in pictures)
    headers, _ = served(settings, "/docs")
    assert "img-src 'self';" in headers["content-security-policy"]


def test_s3_another_setting_is_another_version_of_the_page() -> None:
    tags = [served(Settings(dev_login=on))[0]["etag"] for on in (True, False)]
    assert tags[0] != tags[1]


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("LINKUP_TOKEN_URL", "app.example.com/token", "does not begin with"),
        ("LINKUP_TOKEN_URL", "ftp://app.example.com/token", "scheme"),
        ("LINKUP_TOKEN_URL", "https://app.example.com/token#x", "#"),
        ("LINKUP_TOKEN_URL", "https://me:pw@app.example.com/token", "password"),
        ("LINKUP_TOKEN_URL", "https://app.example.com/t; script-src *", "space"),
        ("LINKUP_FRAME_ANCESTORS", "*", "every site"),
        ("LINKUP_AVATAR_ORIGINS", "*", "every site"),
        ("LINKUP_AVATAR_ORIGINS", "https://a.example; script-src *", "space"),
        ("LINKUP_FRAME_ANCESTORS", "null", "anybody"),
        ("LINKUP_FRAME_ANCESTORS", "https://*.example.com", "host"),
        ("LINKUP_FRAME_ANCESTORS", f"{APP},{APP}/messages", "more than an origin"),
    ],
)
def test_s3_a_way_in_that_is_none_is_refused_at_start(name: str, value: str, part: str) -> None:
    with pytest.raises(SettingError, match=re.escape(part)):
        load({name: value})


def test_s3_the_url_of_the_tokens_keeps_its_query() -> None:
    loaded = load({"LINKUP_TOKEN_URL": "https://App.Example.com:443/t?x={y}&z=%20;"})
    assert loaded.token_url == "https://app.example.com/t?x={y}&z=%20;"
