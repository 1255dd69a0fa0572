"""`linkup vapid`: a pair of keys that belong together, and a private key that is nowhere else."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from linkup.__main__ import main
from shared import vapid


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["vapid", *arguments])


def test_s97_the_two_keys_belong_together_and_differ_each_time() -> None:
    one, other = json.loads(call("--json").stdout), json.loads(call("--json").stdout)
    for pair in (one, other):
        key = vapid.private_key(pair["private_key"])
        assert vapid.public_key(key) == pair["public_key"]
    assert one["private_key"] != other["private_key"]


def test_s97_without_json_each_key_is_on_a_line_of_its_own() -> None:
    said = call().stdout.split()
    assert said[0:2] == ["public", "key"]
    assert vapid.public_key(vapid.private_key(said[-1])) == said[2]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_s97_a_private_key_that_is_written_is_not_printed(
    tmp_path: Path, form: tuple[str, ...]
) -> None:
    file = tmp_path / "key"
    result = call(str(file), *form)
    private = file.read_text().strip()
    assert result.exit_code == 0
    assert private not in result.output
    assert vapid.public_key(vapid.private_key(private)) in result.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_s97_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("the old one")
    result = call(str(file))
    assert (result.exit_code, file.read_text()) == (1, "the old one")
    assert "exists already" in result.stderr
    nowhere = call(str(tmp_path / "no" / "key"))
    assert (nowhere.exit_code, nowhere.stdout) == (1, "")
    assert "No such file" in nowhere.stderr


@pytest.mark.parametrize("text", ["", "short", "a b", "é" * 43, "A" * 42, "=" * 9, "A" * 87])
def test_a_text_that_is_no_key_is_refused_without_being_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64url|bytes|key") as caught:
        vapid.private_key(text)
    assert not text or text not in str(caught.value)


def test_a_key_may_have_its_padding() -> None:
    key = vapid.new_key()
    assert (
        vapid.private_key(key + "=").private_numbers() == vapid.private_key(key).private_numbers()
    )
