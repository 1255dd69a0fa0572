"""The file that `linkup run` leaves for the operator's commands, readable by its owner alone."""

from pathlib import Path

import pytest

from linkup.installation.operator import FILE, operator
from linkup.installation.wire import connected
from linkup.run.services import answers
from shared import subjects
from shared.errors import StartError
from shared.process import readiness
from shared.settings import Settings
from tests.support.stack import run_stack


async def test_the_operator_reaches_what_runs_by_the_file_it_left(tmp_path: Path) -> None:
    async with run_stack(tmp_path, gateways=2) as stack:
        settings = Settings(data_dir=str(stack.data_dir))
        assert (stack.data_dir / FILE).stat().st_mode & 0o777 == 0o600
        async with connected(settings) as wire:
            await readiness.ask(wire, subjects.query("health"))
            await readiness.ask(wire, subjects.notify("health"))
        assert set(operator(settings).urls) == {"gateway", "gateway-2", "persistence", "notify"}
        for url in operator(settings).urls.values():
            host, _, port = url.removeprefix("http://").rpartition(":")
            assert await answers(host, int(port))
        left = (stack.data_dir / FILE).read_bytes()
    with pytest.raises(StartError, match="nothing runs with the data in"):
        operator(settings)
    (stack.data_dir / FILE).write_bytes(left)  # as if it had been killed
    with pytest.raises(StartError, match="cannot reach nats-server") as failed:
        async with connected(settings):
            pass
    assert operator(settings).nats_url.split("@")[0].split(":")[-1] not in str(failed.value)
