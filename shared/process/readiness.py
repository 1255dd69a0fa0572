"""Owns the queries between services about readiness and health."""

from msgspec import MsgspecError

from shared.bus import Bus, BusTimeout
from shared.commands import Examination, Readiness, ReadinessAnswer, decode, encode, open_answer
from shared.errors import NotFound, Unavailable
from shared.health.endpoints import Health
from shared.health.report import HealthAnswer

EXAMINE_TIMEOUT = 1.0  # seconds: who looks on does not wait for longer
ANSWER_TIMEOUT = 2.5  # seconds, below the probe's own deadline: then it is known who is silent


def tell(health: Health, asked: bytes) -> bytes:
    """Return the answer to either question, from what is known. It waits for nothing."""
    if _is_examination(asked):
        return encode(health.examine())
    _, checks = health.report()
    failing = {name: check.output for name, check in checks.items() if check.status == "fail"}
    return encode(ReadinessAnswer(failing=failing))


def _is_examination(asked: bytes) -> bool:
    try:
        decode(asked, Examination)
    except MsgspecError:
        return False
    return True


async def examine(bus: Bus, subject: str) -> HealthAnswer:
    """Return the health report of a service. Raises Unavailable with the reason."""
    reply = await bus.request(subject, encode(Examination()), EXAMINE_TIMEOUT)
    try:
        return open_answer(reply, HealthAnswer)
    except MsgspecError:
        raise Unavailable("it is of another release: start all with the same one") from None


async def ask(bus: Bus, subject: str) -> None:
    """Return if the service is ready. Raises Unavailable, with the reason why it is not, or because
    it does not answer."""
    try:
        reply = await bus.request(subject, encode(Readiness()), ANSWER_TIMEOUT)
        told = open_answer(reply, ReadinessAnswer)
    except BusTimeout:
        await bus.probe.ask()  # or is it the bus that is silent?
        raise
    except NotFound:
        return  # it is of a release before this question, and answers
    except MsgspecError as error:
        raise Unavailable(f"its answer cannot be decoded: {error}") from None
    if told.failing:
        raise Unavailable("; ".join(told.failing.values()))
