"""In which order a message's steps are shown."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.api.progress import shown
from shared.commands import Step, TimelineAnswer
from shared.progress import StepName

NAMES = get_args(StepName)


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
    return [one.step for one in shown(answer(*steps)).steps]


def test_steps_of_one_moment_stand_in_the_order_they_are_taken_in() -> None:
    assert names(*[Step(name, 5, "bob") for name in reversed(NAMES)]) == list(NAMES)


def test_what_is_not_known_when_stands_last_but_for_being_accepted() -> None:
    steps = [Step("read", None, "bob"), Step("delivered", 9, "bob"), Step("committed", 5)]
    assert names(*steps, Step("accepted", None)) == ["accepted", "committed", "delivered", "read"]


@given(st.lists(st.builds(Step, st.sampled_from(NAMES), st.integers(1, 2**50) | st.none())))
def test_times_only_grow(steps: list[Step]) -> None:
    at = [one.at for one in shown(answer(*steps)).steps if one.at is not None]
    assert at == sorted(at)
