"""A command of a service is quick: it loads nothing that only the service needs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
LOADED = """
import sys
import services.persistence.__main__, services.notify.__main__
print(*(sys.modules.keys() & {"databases", "sqlalchemy", "uvicorn"}))
"""


def test_a_command_of_a_service_loads_no_server() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, stdout=subprocess.PIPE)
    assert (loaded.returncode, loaded.stdout) == (0, b"\n")
