"""Addresses in settings: the one form of each, and what is said of what is none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import SettingError
from shared.settings import Settings, addresses, load

SECRET = "s3cret"


def set_to(name: str, text: str) -> object:
    return getattr(load({f"LINKUP_{name.upper()}": text}), name)


def refused(name: str, text: str) -> str:
    with pytest.raises(SettingError) as caught:
        set_to(name, text)
    assert f"LINKUP_{name.upper()}=" in str(caught.value)
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("https://app.example/", ["https://app.example"]),
        ("HTTPS://App.Example", ["https://app.example"]),
        ("https://app.example:443", ["https://app.example"]),
        ("http://app.example:80/", ["http://app.example"]),
        ("http://app.example:443", ["http://app.example:443"]),
        ("http://localhost:3000", ["http://localhost:3000"]),
        ("https://bücher.example", ["https://xn--bcher-kva.example"]),
        ("https://straße.example", ["https://xn--strae-oqa.example"]),
        ("https://XN--bcher-kva.example", ["https://xn--bcher-kva.example"]),
        ("http://[::0001]:8080", ["http://[::1]:8080"]),
        ("https://app.example:", ["https://app.example"]),
        ("capacitor://localhost", ["capacitor://localhost"]),
        (" https://a.example , https://b.example, ", ["https://a.example", "https://b.example"]),
        ("https://a.example,https://A.example:443/", ["https://a.example"]),
        ("", []),
    ],
)
def test_f_s3_an_origin_is_taken_as_browsers_send_it(text: str, origins: list[str]) -> None:
    assert set_to("allowed_origins", text) == tuple(origins)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("*", "names every site"),
        ("https://*.example", "name one site"),
        ("null", "write a site"),
        ("app.example", "write https://app.example.com"),
        ("localhost:3000", "write https://app.example.com"),
        ("//app.example", "write https://app.example.com"),
        ("https://app.example/chat", "write https://app.example"),
        ("https://app.example?x=1", "write https://app.example"),
        ("wss://app.example", "https or http"),
        ("htps://app.example", "https or http"),
        ("https://user:pw@app.example", "write https://app.example.com"),
        ("https://a.example https://b.example", "a comma between two"),
        ("https://app.example:99999", "from 1 to 65535"),
        ("https://", "names no host"),
        ("https://a..example", "name one site"),
        ("https://☃.example", "name one site"),
        ('"https://app.example"', "write https://app.example.com"),
        ("https://good.example,bad.example", "=bad.example does not begin with http"),
        ("https://[::1", "is not a URL"),
        ("https://app.example:0", "from 1 to 65535"),
        ("https://256.1.1.1", "name one site"),
        ("https://10.1", "name one site"),
        ("https://0x7f.1", "name one site"),
        (f"https://{'a.' * 130}example", "name one site"),
    ],
)
def test_f_s3_an_origin_that_no_browser_sends_is_refused(text: str, advice: str) -> None:
    assert advice in refused("allowed_origins", text)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("public_url", "https://Chat.example/", "https://chat.example"),
        ("public_url", "http://chat.example:8000/app/", "http://chat.example:8000/app"),
        (
            "public_url",
            "https://chat.example/caf\u00e9/<b>",
            "https://chat.example/caf%C3%A9/%3Cb%3E",
        ),
        ("public_url", "https://chat.example/a%20b;c", "https://chat.example/a%20b;c"),
        (
            "conversation_url",
            "https://App.example:443/caf\u00e9/{conversation_id}?with={user_id}#end",
            "https://app.example/caf%C3%A9/{conversation_id}?with={user_id}#end",
        ),
        ("nats_url", "bus.example:4222", "nats://bus.example:4222"),
        ("nats_url", "tls://u:p@bus.example:4222", "tls://u:p@bus.example:4222"),
        ("nats_url", "nats://a:1, nats://b:2", "nats://a:1,nats://b:2"),
        ("attachments_url", "file:///srv/files", "file:///srv/files"),
        ("attachments_url", "s3://bucket/prefix", "s3://bucket/prefix"),
        ("database_url", "sqlite:////srv/chat.db", "sqlite:////srv/chat.db"),
        ("smtp_host", "Mail.example", "mail.example"),
        ("host", "[::1]", "::1"),
        ("host", " 0.0.0.0 ", "0.0.0.0"),
        ("host", "fe80::1%eth0", "fe80::1%eth0"),
        ("trusted_proxies", "10.1.2.3/8,10.0.0.1, ::1,*", ("10.0.0.0/8", "10.0.0.1", "::1", "*")),
    ],
)
def test_f_s22_an_address_has_one_form(name: str, text: str, value: object) -> None:
    assert set_to(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        ("public_url", "chat.example", "write https://chat.example.com"),
        ("public_url", "ftp://chat.example", "write http:// or https://"),
        ("public_url", "https://chat.example/?a", "the page alone"),
        ("public_url", "javascript:alert(1)", "write https://"),
        ("conversation_url", "https://app.example/messages", "{conversation_id} or {user_id}"),
        ("conversation_url", "https://app.example/{id}", "{conversation_id} or {user_id}"),
        ("conversation_url", "https://app.example/{user_id", "{conversation_id} or {user_id}"),
        ("conversation_url", "https://{user_id}.example/", "not valid"),
        ("conversation_url", "javascript://x/{user_id}", "write https://"),
        ("conversation_url", "/messages/{user_id}", "write https://"),
        ("nats_url", f"http://user:{SECRET}@bus.example", "write nats://"),
        ("nats_url", f"nats://user:{SECRET}@bus.example:99999", "write nats://"),
        ("nats_url", f"nats://user:{SECRET}/x@bus.example:4222", "as %XX"),
        ("nats_url", f"nats://user:a,{SECRET}@bus.example:4222/x", "write nats://"),
        ("nats_url", "nats://", "write nats://"),
        ("nats_url", ",", "names no server; write nats://"),
        ("nats_url", "nats://bus..example", "write nats://"),
        ("nats_url", 'nats://bus"example', "write nats://"),
        ("nats_url", "nats://10.0.0.256", "write nats://"),
        ("nats_url", "nats://bus.example:0", "write nats://"),
        ("attachments_url", "/srv/files", "write file:///srv/files"),
        ("attachments_url", "srv/files", "write file:///"),
        ("attachments_url", "file://srv/files", "write file:///"),
        ("attachments_url", "file:///srv/#1", "%23"),
        ("attachments_url", "file:///srv/%00", "%00"),
        ("attachments_url", "s3://", "write file:///directory or s3://"),
        ("attachments_url", "ftp://files.example", "write file:///directory or s3://"),
        ("database_url", "/srv/chat.db", "write sqlite:////"),
        ("database_url", "sqlite://chat.db", "write sqlite:////"),
        ("database_url", "sqlite:///:memory:", "gone with the process"),
        ("database_url", "sqlite:////srv/chat.db?mode=ro", "%3F"),
        ("database_url", f"postgresql://user:{SECRET}@db.example/chat", "supports no other"),
        ("notify_database_url", "sqlite:///", "write sqlite:////"),
        ("database_url", "sqlite:////srv/%00.db", "is not the name of a file"),
        ("database_url", "sqlite:////srv/", "is not the name of a file"),
        ("notify_database_url", "sqlite:////srv/..", "is not the name of a file"),
        ("smtp_host", "smtp://mail.example", "without scheme and port"),
        ("smtp_host", "mail.example:587", "without scheme and port"),
        ("smtp_host", "me@mail.example", "without scheme and port"),
        ("host", "http://127.0.0.1", "without scheme and port"),
        ("host", "127.0.0.1:8000", "without scheme and port"),
        ("host", "127.1", "without scheme and port"),
        ("host", "999.1.1.1", "without scheme and port"),
        ("smtp_host", "10.0.0", "without scheme and port"),
        ("allowed_hosts", "10.0.0.256", "write names or addresses"),
        ("host", "*", "without scheme and port"),
        ("trusted_proxies", "proxy", "10.0.0.0/8"),
        ("trusted_proxies", "10.0.0.0/33", "10.0.0.0/8"),
    ],
)
def test_f_s22_what_is_no_address_is_refused_with_what_to_write(
    name: str, text: str, advice: str
) -> None:
    assert advice in refused(name, text)


PIECES = [
    *(
        "http",
        "https",
        "nats",
        "sqlite",
        "file",
        "memory",
        "://",
        "/",
        ":",
        "@",
        "[",
        "]",
        "%",
        "#",
    ),
    *("?", "*", ".", ",", "-", "_", " ", "\n", "\0", "\ud800", "\u200b", "\u3002", "ß", "xn--"),
    *("a.example", "BÜCHER.example", "10.0.0.1", "::1", "443", "99999", "0x7f"),
]


@settings(max_examples=1000)
@given(text=st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=30))
def test_f_s22_any_text_is_refused_or_taken_in_a_form_that_stays(text: str) -> None:
    """A child is given what the parent has read, and reads it again."""
    for form in addresses.FORMS.values():
        try:
            formed = form(text)
        except ValueError:
            continue
        assert form(formed) == formed


def test_f_s22_every_setting_that_names_an_address_has_a_form() -> None:
    named = {name for name in Settings.__struct_fields__ if name.endswith(("_url", "host"))}
    assert named <= addresses.FORMS.keys() <= set(Settings.__struct_fields__)


@pytest.mark.parametrize(
    "url", ["nats://u:p,a@s:s@bus:4222", "tls://u:p@bus:4222", "u:p@bus:4222", "nats://bus:4222"]
)
def test_f_s22_a_url_is_shown_without_its_password(url: str) -> None:
    shown = addresses.without_password(url)
    assert shown.endswith("bus:4222")
    assert "@" not in shown
    assert shown.removeprefix("nats://").removeprefix("tls://") == "bus:4222"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Hooks.Example.", ("hooks.example",)),
        ("10.1.2.3, 10.0.0.5/8", ("10.1.2.3", "10.0.0.0/8")),
        ("[::1], fd00::/8", ("::1", "fd00::/8")),
        ("intranet", ("intranet",)),
    ],
)
def test_an_allowed_destination_is_a_host_or_a_network(text: str, form: tuple[str, ...]) -> None:
    assert set_to("outbound_allowed", text) == form


@pytest.mark.parametrize("text", ["https://a.example", "a.example:443", "10.0.0.0/33", "*", "a b"])
def test_what_is_no_destination_is_refused(text: str) -> None:
    assert "write a name alone, or a network as 10.0.0.0/8" in refused("outbound_allowed", text)


@pytest.mark.parametrize("text", ["mailto:admin@example.com", "https://example.com/contact"])
def test_push_services_may_reach_the_operator_in_two_ways(text: str) -> None:
    assert set_to("vapid_subject", text) == text


@pytest.mark.parametrize(
    "text", ["admin@example.com", "mailto:", "http://example.com", "mailto:a b@c.d"]
)
def test_what_is_no_contact_is_refused(text: str) -> None:
    assert "write mailto:admin@example.com" in refused("vapid_subject", text)
