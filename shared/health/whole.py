"""Owns the report on all services together, made of the report of each. It does no I/O."""

from collections.abc import Iterable, Mapping
from typing import cast

from msgspec.structs import replace

from shared.health import advice
from shared.health.report import AsyncCheck, HealthAnswer, Recommendation, SocketCheck, said
from shared.health.taxonomy import Category

# Causes within the service that reports them. Any other is the same whoever reports it.
OWN = frozenset({"store", "reader", "disk", "loop", "subscriptions", "subjects", "routes"})


def whole(own: HealthAnswer, *others: HealthAnswer) -> HealthAnswer:
    """Return the report on all services, with the lowest score and the sums of all counts. The
    state, checks and figures are those of `own`; `services` has those of the others."""
    told = [own, *others]
    asyncs = [one.async_context_check for one in told]
    return replace(
        own,
        health_score=min(one.health_score for one in told),
        status=max((one.status for one in told), key=["healthy", "warning", "critical"].index),
        operations=sum(one.operations for one in told),
        recent_errors_count=sum(one.recent_errors_count for one in told),
        errors=added(one.errors for one in told),
        error_summary={k: int(v) for k, v in added(one.error_summary for one in told).items()},
        async_context_check=AsyncCheck(
            count=sum(one.count for one in asyncs),
            errors=[error for one in asyncs for error in one.errors][:5],
            has_sync_only_errors=any(one.has_sync_only_errors for one in asyncs),
        ),
        websocket_check=SocketCheck(
            connections=sum(one.websocket_check.connections for one in told),
            errors=sum(one.websocket_check.errors for one in told),
        ),
        recommendations=_ordered(told),
        operations_trend=summed(one.operations_trend for one in told),
        errors_trend=summed(one.errors_trend for one in told),
        hourly_trend=summed(one.hourly_trend for one in told),
        services={one.service: one for one in told},
    )


def added(counts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for each in counts:
        for name, count in each.items():
            total[name] = total.get(name, 0) + count
    return total


def summed(trends: Iterable[list[int]]) -> list[int]:
    return [sum(each) for each in zip(*filter(None, trends), strict=False)]


def _ordered(told: list[HealthAnswer]) -> list[Recommendation]:
    """Return one for each cause, those of the worst service first. What a service that fails says
    of itself is not said by the others again."""
    causes: dict[tuple[str, str], list[Recommendation]] = {}
    failing = {one.service for one in told if _fails(one)}
    for one in sorted(told, key=lambda one: (one.health_score, one.state != "unreachable")):
        for each in one.recommendations:
            if each.cause in failing and each.cause != one.service:
                continue
            known = causes.setdefault((each.cause, one.service if each.cause in OWN else ""), [])
            known.append(replace(each, service=each.service or one.service))
    return [_merged(same, told) for same in causes.values()]


def _fails(one: HealthAnswer) -> bool:
    return one.state != "ready"


def _merged(same: list[Recommendation], told: list[HealthAnswer]) -> Recommendation:
    """Return what several services say of one cause."""
    first, services = same[0], dict.fromkeys(each.service for each in same)
    if len(services) == 1:
        return first
    merged = replace(first, service=", ".join(services))
    if first.cause not in advice.CATEGORY:
        return merged
    category = cast("Category", first.cause)
    count = sum(one.errors.get(category, 0) for one in told)
    return replace(merged, advice=said(category, count, told[0].window, first.last))
