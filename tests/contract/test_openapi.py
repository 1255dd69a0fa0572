"""Every route of the table, asked with made-up requests: it answers as its document says."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from shared import contract
from shared.routes import ROUTES
from tests.support.stack import ADMIN_KEY, KEYS, Stack, run_stack
from tests.support.traffic import make_known

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

EXAMPLES = int(os.environ.get("LINKUP_TEST_EXAMPLES", "10"))  # of each route and mode
UNLIMITED: dict[str, Any] = {"message_rate": 0, "dev_login": True, **KEYS}
NAMES = [route.name for route in ROUTES]
# An invalid item is refused alone, in the answer.
PER_ITEM = {"POST /v1/admin/users", "POST /v1/admin/users/{user_id}/contacts"}
ADMINISTERED = {route.name for route in ROUTES if route.keys}
TAKING = [route.name for route in ROUTES if route.body or route.query or "{" in route.path]

load_all_checks()
CONFORMS = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    ]
)
REFUSES = [*CONFORMS, *CHECKS.get_by_names(["negative_data_rejection"])]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with run_stack(tmp_path_factory.mktemp("openapi"), **UNLIMITED) as running:
        await make_known(running, ["alice", "bob"])
        yield running


@cache
def schema() -> Any:
    """Return the schema without security: each request has a token, so a request that schemathesis
    means to send without one would be answered."""
    document = json.loads(contract.documents()[contract.OPENAPI])
    document.pop("security", None)
    for methods in document["paths"].values():
        for one in methods.values():
            one.pop("security", None)
    return schemathesis.openapi.from_dict(document)


def operation(name: str) -> Any:
    method, _, path = name.partition(" ")
    return schema()[path][method]


async def ask(stack: Stack, name: str, mode: GenerationMode, checks: list[Any]) -> None:
    token = ADMIN_KEY if name in ADMINISTERED else stack.token("alice")
    headers = {"authorization": f"Bearer {token}"}

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(operation(name).as_strategy(mode))
    def answers_as_documented(case: Any) -> None:
        response = case.call(base_url=stack.url, headers=headers)
        too_large = response.status_code == 413  # which no schema rules out
        case.validate_response(response, checks=CONFORMS if too_large else checks)

    await asyncio.to_thread(answers_as_documented)


@pytest.mark.parametrize("name", NAMES)
async def test_s43_a_valid_request_is_answered_as_documented(stack: Stack, name: str) -> None:
    await ask(stack, name, GenerationMode.POSITIVE, CONFORMS)


@pytest.mark.slow
@pytest.mark.parametrize("name", TAKING)
async def test_s43_an_invalid_request_is_refused_as_documented(stack: Stack, name: str) -> None:
    await ask(stack, name, GenerationMode.NEGATIVE, CONFORMS if name in PER_ITEM else REFUSES)
