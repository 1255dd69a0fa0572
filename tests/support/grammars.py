"""Owns the grammars of the headers of an e-mail. They take long to load."""

from abnf import Rule
from abnf.grammars import rfc3986, rfc5322


class Lists(Rule):
    """RFC 2919 (section 3), RFC 2369 (section 2) and RFC 8058 (section 3.1), for one URI."""


for rule in (
    'list-id = "List-Id:" SP "<" label 1*("." label) ">" CRLF',
    'label = 1*(ALPHA / DIGIT / "-" / "_")',
    'list-unsubscribe-post = "List-Unsubscribe-Post:" SP "List-Unsubscribe=One-Click" CRLF',
):
    Lists.create(rule)

GRAMMARS: dict[str, type[Rule]] = {"mail": rfc5322.Rule, "uri": rfc3986.Rule, "lists": Lists}
