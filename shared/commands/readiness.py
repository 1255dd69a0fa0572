"""Owns the questions about the health of a service, to persistence and to notify."""

from msgspec import Struct


class Readiness(Struct, frozen=True, kw_only=True, tag="health"):
    """question `health`, to persistence and to notify: is all there that it needs?"""


class Examination(Struct, frozen=True, kw_only=True, tag="examination"):
    """question `health`, to persistence and to notify: the whole report, a HealthAnswer."""


class ReadinessAnswer(Struct, frozen=True, kw_only=True):
    """`failing`: of each check that fails, why, in words; empty when it is ready."""

    failing: dict[str, str]
