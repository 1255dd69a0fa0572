"""Owns the questions about the health of a service, to persistence and to notify."""

from msgspec import Struct


class Readiness(Struct, frozen=True, kw_only=True, tag="health"):
    """Asks a service whether all is there that it needs."""


class Examination(Struct, frozen=True, kw_only=True, tag="examination"):
    """Asks a service for its whole report, a HealthAnswer."""


class ReadinessAnswer(Struct, frozen=True, kw_only=True):
    """The reason, in words, why each failing check fails; empty when the service is ready."""

    failing: dict[str, str]
