"""Owns the choice of a language for a browser, among those in which a page is written."""

from collections.abc import Container

FALLBACK = "en"


def preferred(header: str, known: Container[str]) -> str:
    """Return the known language that a browser likes best, by its Accept-Language (RFC 9110,
    12.5.4). Regions make no difference."""
    for tag in sorted(map(_weighted, header.split(",")), key=lambda one: -one[0]):
        if tag[0] > 0 and tag[1] in known:
            return tag[1]
    return FALLBACK


def _weighted(part: str) -> tuple[float, str]:
    tag, _, parameter = part.partition(";")
    language = tag.strip().lower().partition("-")[0]
    name, _, value = parameter.strip().partition("=")
    try:
        return (float(value) if name.strip() == "q" else 1.0), language
    except ValueError:
        return 0.0, language
