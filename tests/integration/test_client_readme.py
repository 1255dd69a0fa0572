"""The example in the Python client's README runs as it stands."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from linkup_client import Client, Event, Message, Receipt, connect

from tests.support.stack import Stack
from tests.support.traffic import newcomers
from tests.support.waiting import within

README = Path(__file__).parents[2] / "clients" / "python" / "README.md"


def example() -> str:
    found = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_is_short() -> None:
    assert len(example().splitlines()) <= 20


@pytest.mark.asyncio(loop_scope="session")
async def test_the_example_echoes(stack: Stack) -> None:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(example(), str(README), "exec"), names)
    echo: Callable[[str, str], Awaitable[None]] = names["echo"]
    one, other = await newcomers(stack, "ann", "echo")
    async with connect(stack.ws_url, stack.token(one)) as ann:
        echoing = asyncio.ensure_future(echo(stack.ws_url, stack.token(other)))
        answer = await asked(ann, other)
        assert answer.content == "You said: hello"
        async with within(10):
            while not is_read(await anext(ann)):
                pass
        echoing.cancel()
        await asyncio.gather(echoing, return_exceptions=True)


def is_read(event: Event) -> bool:
    return isinstance(event, Receipt) and event.read_seq > 0


async def asked(ann: Client, echo: str) -> Message:
    """Ask until somebody is there to hear it: the answer."""
    async with within(20):
        while True:
            await ann.send("hello", to=echo)
            try:
                async with asyncio.timeout(1):
                    while not isinstance(event := await anext(ann), Message):
                        pass
                    return event
            except TimeoutError:
                continue
