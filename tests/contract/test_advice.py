"""Both clients show the same text about an error, for each code of the protocol."""

import json
import shutil
import subprocess
import typing
from typing import Any

import pytest
from linkup_client import FileFailed, SendFailed, advice_for
from linkup_client.advice import BY_CODE, UNREACHABLE, Action, Category

from shared import errors
from tests.contract.compose_file import ROOT

SDK = ROOT / "clients" / "web" / "sdk"
SCRIPT = f"""
import {{ CODES, adviceFor }} from "{SDK / "advice.js"}";
import {{ LinkupError, reach }} from "{SDK / "http.js"}";
const known = Object.fromEntries(CODES.map((code) => [code, adviceFor(code)]));
const away = await reach("http://127.0.0.1:9/", {{}}).catch((error) => error.advice);
const refused = new LinkupError({{ code: "forbidden", message: "no", temporary: false }}).advice;
console.log(JSON.stringify({{ known, away, refused, later: adviceFor("toString") }}));
"""


def test_s79_each_code_has_a_category_a_text_and_actions() -> None:
    assert BY_CODE.keys() == errors.BY_CODE.keys() | {UNREACHABLE}
    assert {one.category for one in BY_CODE.values()} == set(typing.get_args(Category))
    assert {act for one in BY_CODE.values() for act in one.actions} == set(typing.get_args(Action))
    for code, one in BY_CODE.items():
        assert one.text.endswith(".")
        if code in errors.BY_CODE and errors.BY_CODE[code].temporary:
            assert {"retry", "wait"} & set(one.actions), "the same again may succeed"


def test_s79_an_exception_of_the_python_client_says_what_to_do() -> None:
    assert SendFailed("rate_limited", "too fast").advice.category == "rate_limit"
    assert FileFailed("too_large", "9 MB", False).advice.actions == ("edit",)
    away = FileFailed("unavailable", "refused", True, answered=False)
    assert (away.code, away.advice.category) == ("unavailable", "network")
    assert advice_for("of a later release") == advice_for("internal")


def test_s79_both_clients_say_the_same() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run the client in")
    ran = subprocess.run(
        [node, "--input-type=module", "-e", SCRIPT], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    ours = {code: {**one._asdict(), "actions": [*one.actions]} for code, one in BY_CODE.items()}
    assert found["known"] == ours
    assert found["away"] == ours[UNREACHABLE]
    assert found["refused"] == ours["forbidden"]
    assert found["later"] == ours["internal"]
