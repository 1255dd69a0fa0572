"""In which order a message's steps are shown."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from services.gateway.api.progress import shown
from services.notify.ladder.delivery import Channel, State
from shared.api import Outcome, StepName, TraceStepName
from shared.commands import NotificationStep, Step, TimelineAnswer
from shared.frames import time_of

NAMES = [name for name in get_args(StepName) if name != "notification"]


def answer(*steps: Step) -> TimelineAnswer:
    return TimelineAnswer(
        epoch="e",
        cursor=1,
        message_id=1,
        conversation_id="d",
        seq=1,
        client_id="c",
        member_count=1,
        delivered_count=1,
        read_count=1,
        user_ids=["bob"],
        steps=list(steps),
    )


def names(*steps: Step) -> list[str]:
    return [one.step for one in shown(answer(*steps), []).steps]


def test_steps_of_one_moment_stand_in_the_order_they_are_taken_in() -> None:
    assert names(*[Step(name, 5, "bob") for name in reversed(NAMES)]) == NAMES


def test_what_is_not_known_when_stands_last_but_for_being_accepted() -> None:
    steps = [Step("read", None, "bob"), Step("delivered", 9, "bob"), Step("committed", 5)]
    assert names(*steps, Step("accepted", None)) == ["accepted", "committed", "delivered", "read"]


@given(st.lists(st.builds(Step, st.sampled_from(NAMES), st.integers(1, 2**50) | st.none())))
def test_times_only_grow(steps: list[Step]) -> None:
    at = [one.at for one in shown(answer(*steps), []).steps if one.at is not None]
    assert at == sorted(at)


def test_s51_a_notification_stands_where_it_ended_and_one_that_waits_last() -> None:
    notices = [
        NotificationStep("bob", "email", "waiting", None, 99),
        NotificationStep("carol", "email", "failed", 7, None, "smtp_550"),
    ]
    steps = shown(answer(Step("read", 9, "dave"), Step("committed", 5)), notices).steps
    assert [(one.step, one.user_id or None) for one in steps] == [
        ("committed", None),
        ("notification", "carol"),
        ("read", "dave"),
        ("notification", "bob"),
    ]
    assert (steps[1].outcome, steps[1].reason, steps[1].due_at) == ("failed", "smtp_550", UNSET)
    assert (steps[3].outcome, steps[3].at, steps[3].due_at) == ("waiting", None, time_of(99))


def test_without_an_answer_of_notify_its_steps_are_missing_and_that_is_said() -> None:
    found = answer(Step("committed", 5))
    assert shown(found, None).notifications == "unavailable"
    assert shown(found, []).notifications == "complete"
    assert shown(found, None).steps == shown(found, []).steps


def test_s51_each_channel_of_notify_stands_in_both_timelines() -> None:
    """Regression: a message that was pushed had no timeline, since the API knew only e-mails."""
    channels = get_args(Channel)
    notices = [NotificationStep("bob", channel, "sent", 7) for channel in channels]
    found = shown(answer(Step("committed", 5)), notices)
    assert [one.channel for one in found.steps[1:]] == [*channels]
    assert set(get_args(TraceStepName)) == {*get_args(StepName), *channels} - {"notification"}
    assert set(get_args(Outcome)) == set(get_args(State)) - {"claimed", "collected"}
