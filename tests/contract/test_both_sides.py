"""The words that two sides share are known to both: services, the API, and the Python client."""

import importlib
import pkgutil
import typing
from collections.abc import Iterator, Mapping
from itertools import combinations
from types import ModuleType, UnionType
from typing import Any, Literal, get_args, get_origin

import linkup_client
import msgspec
import pytest
from linkup_client import notification

import linkup
import services
import shared
from linkup import notify_test
from services.notify.channels import realtime
from services.notify.ladder import delivery
from services.notify.webhooks import event
from services.persistence.projection.conversation import CHANGES
from services.persistence.queries.export import PARTS
from services.persistence.queries.sent import Sent
from services.persistence.queries.timeline import steps
from shared import api, breaker, commands, frames
from shared.health import taxonomy

Fields = Mapping[str, Any]

# Fields of the document of a user that persistence does not answer, and its last one.
BESIDE = {"exported_at", "profile", "preferences", "notifications", "deliveries", "browsers"}
LAST = {"complete"}


def words(kind: Any) -> set[str]:
    """Return the words that a type allows, besides anything else."""
    if get_origin(kind) is Literal:
        return set(get_args(kind))
    if get_origin(kind) in (typing.Union, UnionType, list):
        return {word for one in get_args(kind) for word in words(one)}
    return set()


def fields(kind: type[msgspec.Struct]) -> Fields:
    return typing.get_type_hints(kind)


def modules(*packages: ModuleType) -> Iterator[ModuleType]:
    for package in packages:
        yield package
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in one.name and not one.name.endswith("__main__"):
                yield importlib.import_module(one.name)


def structs(package: ModuleType) -> dict[str, type[msgspec.Struct]]:
    return {
        name: one
        for module in modules(package)
        for name, one in vars(module).items()
        if isinstance(one, type) and issubclass(one, msgspec.Struct)
    }


def steps_of_a_message() -> set[str]:
    """Return the steps of a message to which everything has happened."""
    message = Sent(1, "d", 1, "ann", "c", 1, 1, 1, 1)
    return {one.step for one in steps(message, [("bob", None, None, True, True, 1, 1)])}


CHANNELS, BREAKER = words(delivery.Channel), words(breaker.State)
STORED = set(fields(commands.TypePreference))
CHANGED = {kind for kind, one in event.TYPES.items() if one == "conversation.changed"}
DOCUMENT = set(fields(api.ExportAnswer)) - BESIDE - LAST
WITHIN: dict[str, tuple[set[str], set[str]]] = {
    "steps that a sender sees": (steps_of_a_message(), words(api.StepName)),
    "steps that the operator sees": (steps_of_a_message(), words(api.TraceStepName)),
    "channels that a sender sees": (CHANNELS, words(api.Channel)),
    "channels that the operator sees": (CHANNELS, words(api.TraceStepName)),
    "channels that an export reads": (CHANNELS, words(fields(commands.StoredDelivery)["channel"])),
    "channels that an export shows": (CHANNELS, words(fields(api.ExportedDelivery)["channel"])),
    "channels that users choose": (CHANNELS, STORED),
    "channels that the operator tries": (words(notify_test.Channel), STORED),
    "changes that webhooks are told of": (CHANGED, set(CHANGES)),
    "categories that are stored": (
        words(taxonomy.Category),
        words(fields(api.ErrorRecord)["category"]),
    ),
    "severities that are stored": (
        words(taxonomy.Severity),
        words(fields(api.ErrorRecord)["severity"]),
    ),
}
SAME: dict[str, tuple[set[str], set[str]]] = {
    "states of a breaker that notify tells": (BREAKER, words(fields(commands.Webhook)["breaker"])),
    "states of a breaker that the host sees": (
        BREAKER,
        words(fields(api.WebhookAnswer)["breaker"]),
    ),
    "outcomes for each user": (
        words(fields(commands.Announced)["outcome"]),
        words(fields(api.AnnounceResult)["outcome"]),
    ),
    "users whom a frame goes to": (words(realtime.To), words(fields(commands.Live)["to"])),
    "ways to delete": (words(fields(commands.DeleteMessage)["mode"]), words(frames.DeleteMode)),
    "parts of an export": (set(PARTS), DOCUMENT),
    "events that there are": (set(event.TYPES.values()), words(frames.EventType)),
    "changes that there are": (set(CHANGES.values()), words(frames.Change)),
    "priorities of the client": (words(frames.Priority), words(notification.Priority)),
    "digests of the client": (words(frames.Digest), words(notification.Digest)),
}


@pytest.mark.parametrize("name", WITHIN)
def test_the_words_of_one_side_are_known_to_the_other(name: str) -> None:
    said, known = WITHIN[name]
    assert said
    assert said <= known


@pytest.mark.parametrize("name", SAME)
def test_both_sides_have_the_same_words(name: str) -> None:
    one, other = SAME[name]
    assert one
    assert one == other


def test_a_field_of_structs_with_the_same_name_has_the_same_words() -> None:
    compared = 0
    sides = [structs(package) for package in (api, commands, frames, linkup_client)]
    for one, other in combinations(sides, 2):
        for name in one.keys() & other.keys():
            here, there = fields(one[name]), fields(other[name])
            for field in here.keys() & there.keys():
                both = [found for found in (words(here[field]), words(there[field])) if found]
                compared += len(both) == 2
                assert both[1:] in ([], both[:1]), (name, field)
    assert compared


def test_a_table_by_words_has_a_row_for_each_of_them() -> None:
    compared = 0
    for module in modules(shared, services, linkup):
        for name, kind in typing.get_type_hints(module).items():
            if get_origin(kind) in (dict, Mapping) and words(get_args(kind)[0]):
                compared += 1
                assert set(getattr(module, name)) == words(get_args(kind)[0]), (module, name)
    assert compared
