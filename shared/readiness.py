"""Owns how one service asks another over the bus whether it is ready."""

from msgspec import MsgspecError

from shared.bus import Bus, BusTimeout
from shared.commands import Readiness, ReadinessAnswer, encode, open_answer
from shared.errors import NotFound, Unavailable
from shared.health import Health

ANSWER_TIMEOUT = 2.5  # seconds, below the probe's own deadline: then it is known who is silent


def tell(health: Health) -> bytes:
    """The answer, from what is known: it costs nothing, whatever hangs."""
    _, checks = health.report()
    failing = {name: check.output for name, check in checks.items() if check.status == "fail"}
    return encode(ReadinessAnswer(failing=failing))


async def ask(bus: Bus, subject: str) -> None:
    """Raises Unavailable, which says why it is not ready, or that it does not answer."""
    try:
        reply = await bus.request(subject, encode(Readiness()), ANSWER_TIMEOUT)
        told = open_answer(reply, ReadinessAnswer)
    except BusTimeout:
        await bus.probe.ask()  # or is it the bus that is silent?
        raise
    except NotFound:
        return  # it is of a release before this question, and answers
    except MsgspecError as error:
        raise Unavailable(f"its answer does not decode: {error}") from None
    if told.failing:
        raise Unavailable("; ".join(told.failing.values()))
