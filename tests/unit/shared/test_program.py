"""A command of a service is quick, and its exit status is its own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
LOADED = """
import sys
import services.persistence.__main__, services.notify.__main__
print(*(sys.modules.keys() & {"databases", "sqlalchemy", "uvicorn"}))
"""

ENDED = """
import atexit, sys
from shared.process import program
atexit.register(print, "taken down")
sys.argv = ["notify", "say"]
program.main("notify", None, {"say": lambda settings, rest: print("said") or 3})
"""

SERVED = """
import atexit, sys
from shared.process import program
atexit.register(print, "taken down")
sys.argv = ["notify"]
program.main("notify", lambda settings: print("served"), {})
"""

REFUSED = """
import sys
from shared.process import program
from shared.errors import SettingError
sys.argv = ["notify"]
def serve(settings):
    raise BaseExceptionGroup("", [BaseExceptionGroup("", [SettingError("write two keys")])])
program.main("notify", serve, {})
"""


def test_a_refusal_that_has_ended_a_group_of_tasks_is_one_line() -> None:
    ended = subprocess.run([sys.executable, "-c", REFUSED], cwd=ROOT, stderr=subprocess.PIPE)
    assert ended.returncode == 78
    assert ended.stderr == b"linkup notify: bad setting: write two keys\n"


def test_a_command_of_a_service_loads_no_server() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, stdout=subprocess.PIPE)
    assert (loaded.returncode, loaded.stdout) == (0, b"\n")


def test_a_service_ends_once_everything_is_closed() -> None:
    """Taking the interpreter down took longer than to close everything."""
    ended = subprocess.run([sys.executable, "-c", SERVED], cwd=ROOT, stdout=subprocess.PIPE)
    assert (ended.returncode, ended.stdout) == (0, b"served\n")


def test_a_command_ends_before_a_librarys_threads_can_crash_it() -> None:
    """`linkup audit` and `linkup backup` had failed so, every sixth time on a busy machine."""
    ended = subprocess.run([sys.executable, "-c", ENDED], cwd=ROOT, stdout=subprocess.PIPE)
    assert (ended.returncode, ended.stdout) == (3, b"said\n")
