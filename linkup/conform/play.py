"""Owns a conformance run: every check with its own users, in parallel, with time limits."""

import asyncio
import time
from collections.abc import Callable, Sequence

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from linkup.calls import CallFailed
from linkup.conform.check import Check
from linkup.conform.deployment import Deployment
from linkup.conform.report import Report, Verdict, report
from linkup.conform.scene import Scene
from linkup.conform.verdict import Skipped, Unkept
from linkup.installation.tokens import Unusable

PATIENCE = 5.0  # s for a single answer
AT_ONCE = 6

Progress = Callable[[str], None]


async def play(
    deployment: Deployment,
    chosen: Sequence[Check],
    progress: Progress,
    patience: float = PATIENCE,
    at_once: int = AT_ONCE,
) -> Report:
    """Raises Unusable when there is nobody to play with, or not with that secret, or if the server
    lets in too few users."""
    began = time.monotonic()
    await deployment.enter(f"{deployment.users}-0-first")
    turns = asyncio.Semaphore(at_once)
    done: list[Verdict] = []

    async def turn(number: int, check: Check) -> Verdict:
        async with turns:
            verdict = await _try(deployment, number, check, patience)
            done.append(verdict)
            failed = sum(one.verdict == "fail" for one in done)
            progress(f"{len(done)} of {len(chosen)} checks, {failed} failed: {check.name}")
            return verdict

    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(turn(n, check)) for n, check in enumerate(chosen, 1)]
    except* Unusable as faults:
        raise Unusable(str(faults.exceptions[0])) from None
    verdicts = [task.result() for task in running]
    return report(deployment.url, deployment.run, verdicts, time.monotonic() - began)


async def _try(deployment: Deployment, number: int, check: Check, patience: float) -> Verdict:
    began = time.monotonic()
    scene = Scene(deployment, f"{deployment.users}-{number}", patience, check.seconds)
    verdict, reason, expected, saw = "pass", "", "", ""
    try:
        async with scene:
            await check.attempt(scene)
    except Skipped as skipped:
        verdict, reason = "skip", str(skipped)
    except Unkept as unkept:
        verdict, expected, saw = "fail", unkept.expected, unkept.saw
    except TimeoutError:
        verdict, expected, saw = "fail", f"an end within {check.seconds:g} s", "none"
    except Unusable:
        raise  # nor would it let in the users of the other checks
    except (CallFailed, OSError, InvalidHandshake, ConnectionClosed) as fault:
        verdict, expected, saw = "fail", "an answer", str(fault)
    except (KeyError, TypeError, IndexError, AttributeError) as fault:
        # What the server sent lacks what the check reads: a frame of another form.
        verdict, expected, saw = (
            "fail",
            "frames of the protocol's form",
            f"{type(fault).__name__} {fault}",
        )
    return Verdict(
        name=check.name,
        section=check.section,
        promise=check.promise,
        sentence=check.sentence,
        verdict=verdict,
        seconds=round(time.monotonic() - began, 3),
        reason=reason,
        expected=expected,
        saw=saw,
        exchanged=scene.tape.lines() if verdict == "fail" else [],
    )
