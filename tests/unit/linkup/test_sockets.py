"""The addresses on which the services of `linkup run` listen."""

import pytest

from linkup.run.sockets import gateway_names, metrics_port
from shared.settings import Settings


@pytest.mark.parametrize("count", [1, 3])
def test_s42_each_gateway_answers_operators_on_a_port_of_its_own(count: int) -> None:
    settings = Settings(metrics_port=9100)
    ports = [metrics_port(settings, name) for name in gateway_names(count)]
    assert ports == [9100 + number for number in range(count)]
