"""Values that neither a token nor a request of the host app can give to a field of a profile."""

ODD = {
    "name": ["x" * 1025, "a\nb", "a\x00", "a\x7f", "a\x85", "a\u2028b"],
    "email": [
        "a@" + "x" * 319,
        "a@b\r\nBcc: c@d",
        "nobody",
        "a@b@c",
        "a b@example.com",
        "Ann <ann@example.com>",
        ".@example.com",
        "x.y.@example.com",
        "ä@[\\",  # at which the parser itself stumbles
    ],
    "tz": ["Mars/Base", "../../etc/passwd", "/etc/localtime", "Europe", "UTC\x00"],
    "locale": ["x" * 65, "d", "de DE", "de-", "de_DE.UTF-8\n", "1337"],
    "avatar": [
        "https://a.example/" + "x" * 1024,
        "https://a.example/\n",
        "https://",
        "/a.png",
        "http://a.example/a.png",
        "javascript:alert(1)",
    ],
}
