"""The decision about what is due, for every combination of facts and preferences there is."""

from collections import Counter
from datetime import UTC
from itertools import product
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.ladder.clocks import quiet_until, window_end
from services.notify.ladder.delivery import Channel, Outcome
from services.notify.ladder.preferences import Preferences
from services.notify.ladder.step import Facts, next_step
from shared.commands import QuietHours, Reached, TypePreference
from shared.frames.fields import Digest, Priority

NOW = 1_780_000_000 * 1_000_000  # 2026-05-28 20:26:40 UTC
NIGHT, DAY = QuietHours(start="20:00", end="07:00"), QuietHours(start="07:00", end="20:00")
BOTH = (False, True)
DIGESTS: tuple[Digest, ...] = ("off", "daily")  # whose windows test_clocks.py looks at


def expected(facts: Facts, preferences: Preferences) -> Outcome | None:
    """The rules in the order in which they hold, as a list of sentences."""
    [chosen] = preferences.types.values()
    wanted = chosen.enabled and getattr(chosen, facts.channel)
    urgent = facts.priority in ("high", "urgent")
    single = not facts.digest
    rules: list[tuple[bool, Outcome | None]] = [
        (facts.reach == "banned", Outcome("cancelled", "banned")),
        (not facts.there, Outcome("cancelled", "not_a_member")),
        (facts.muted, Outcome("cancelled", "muted")),
        (facts.read, Outcome("cancelled", "read")),
        (not facts.unread, Outcome("cancelled", "nothing_unread")),
        (facts.channel == "push" and facts.delivered, Outcome("cancelled", "delivered")),
        (single and not wanted, Outcome("cancelled", "switched_off")),
        (facts.reach == "nowhere", Outcome("no_address")),
        (facts.reach == "bad_address", Outcome("no_address", "bad_address")),
        (facts.reach == "suppressed", Outcome("no_address", "suppressed")),
        (urgent, None),
        (
            facts.channel == "email" and single and preferences.digest != "off",
            Outcome("collected", "digest", due_at=window_end(preferences.digest, NOW, UTC)),
        ),
        (
            preferences.quiet_hours == NIGHT,
            Outcome("delayed", "quiet_hours", due_at=quiet_until(NIGHT, NOW, UTC)),
        ),
        (True, None),
    ]
    return next(outcome for holds, outcome in rules if holds)


def all_facts() -> list[Facts]:
    names = ("channel", "priority", "reach", "digest", "there", "muted", "read", "delivered")
    values = (get_args(Channel), get_args(Priority), get_args(Reached), *[BOTH] * 6)
    return [Facts(**dict(zip((*names, "unread"), one, strict=True))) for one in product(*values)]


def all_preferences() -> list[Preferences]:
    return [
        Preferences(
            types={
                "new_message": TypePreference(
                    notification_type="new_message", enabled=enabled, push=push, email=email
                )
            },
            digest=digest,
            quiet_hours=quiet,
        )
        for enabled, push, email, digest, quiet in product(
            BOTH, BOTH, BOTH, DIGESTS, (None, NIGHT, DAY)
        )
    ]


def test_c8_every_combination_of_facts_and_preferences_has_its_step() -> None:
    facts, preferences = all_facts(), all_preferences()
    reached = Counter[tuple[str, str]]()
    for known, chosen in product(facts, preferences):
        step = next_step(known, chosen, NOW)
        assert step == expected(known, chosen), (known, chosen)
        reached["sent" if step is None else step.kind, step.reason if step else ""] += 1
    assert set(reached) == {
        *(("cancelled", reason) for reason in ("not_a_member", "muted", "read", "delivered")),
        *(("cancelled", reason) for reason in ("nothing_unread", "switched_off", "banned")),
        *(("no_address", reason) for reason in ("", "bad_address", "suppressed")),
        *(("collected", "digest"), ("delayed", "quiet_hours"), ("sent", "")),
    }


@settings(max_examples=300)
@given(st.sampled_from(all_facts()), st.sampled_from(all_preferences()))
def test_c8_what_was_read_or_is_not_wanted_is_never_sent(
    facts: Facts, preferences: Preferences
) -> None:
    step = next_step(facts, preferences, NOW)
    if facts.read or facts.muted or not facts.unread or not facts.there:
        assert step is not None
        assert step.kind == "cancelled"
    if step is not None and step.kind in ("delayed", "collected"):
        assert step.due_at > NOW
        assert facts.priority in ("low", "normal")


def test_a_type_that_the_deployment_has_dropped_is_brought_all_the_same() -> None:
    facts = Facts(channel="email", notification_type="dropped")
    assert next_step(facts, Preferences(types={}), NOW) is None
