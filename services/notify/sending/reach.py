"""Owns the answer to whether e-mails and pushes reach a user, as it is decided when one is due."""

from collections.abc import Container

from services.notify.ladder.delivery import NOTICE, Channel, Delivery
from services.notify.questions import Questions
from services.notify.sending.enquiry import Enquiry
from shared.commands import Reach, ReachAnswer

CHANNELS: tuple[Channel, ...] = ("push", "email")


class Reaches:
    """`known`: the channels of this deployment."""

    def __init__(self, enquiry: Enquiry, known: Container[Channel]) -> None:
        self._enquiry = enquiry
        self._known = known

    def answer(self, questions: Questions) -> None:
        questions.on(Reach, self.reach)

    async def reach(self, asked: Reach) -> ReachAnswer:
        """Raises Unavailable when persistence is away."""
        cases = await self._enquiry.cases([_delivery(asked.user_id, one) for one in CHANNELS])
        reached = {one.delivery.channel: one.reach for one in cases}
        if "push" not in self._known and reached["push"] != "banned":
            reached["push"] = "nowhere"
        return ReachAnswer(push=reached["push"], email=reached["email"])


def _delivery(user_id: str, channel: Channel) -> Delivery:
    """Return a delivery of no notification, which is asked about and not stored."""
    return Delivery(
        delivery_id="",
        channel=channel,
        user_id=user_id,
        thread=NOTICE,
        first_seq=1,
        last_seq=1,
        count=0,
        state="claimed",
        due_at=0,
        created_at=0,
    )
