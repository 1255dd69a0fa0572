import re
from pathlib import Path

from msgspec.inspect import BoolType, FloatType, IntType, StructType, type_info

from shared.route import LIMITS
from shared.settings import LEAST_RETENTION, Settings, load
from tests.contract.env_example import MEANINGS, text

FILE = Path(__file__).parents[2] / ".env.example"


def test_the_example_lists_every_setting_as_it_is() -> None:
    """If this fails, run: python -m tests.contract.env_example > .env.example"""
    assert FILE.read_text() == text()


def test_f_s20_what_each_gateway_counts_for_itself_says_so() -> None:
    """Only a gateway knows its sockets and requests; messages are counted in the store."""
    counted = {*LIMITS.values(), "sockets_per_user", "sockets_per_address"}
    said = {name: meaning for part in MEANINGS.values() for name, meaning in part.items()}
    assert {name for name in said if "at each gateway" in said[name]} == counted
    readme = (FILE.parent / "README.md").read_text().splitlines()
    for row in ("LINKUP_API_PER_MINUTE", "LINKUP_AUTH_PER_MINUTE", "LINKUP_SOCKETS_PER_USER"):
        (line,) = [line for line in readme if line.startswith(f"| `{row}`")]
        assert "per gateway" in line
    operations = (FILE.parent / "docs" / "operations.md").read_text()
    assert "Each gateway counts for itself" in operations


def test_a_plain_copy_changes_nothing() -> None:
    assert all(line.startswith("#") for line in FILE.read_text().splitlines() if line)


def test_every_line_of_it_is_a_setting_and_its_default() -> None:
    lines = dict(re.findall(r"^# (LINKUP_\w+)=(.*)$", FILE.read_text(), re.MULTILINE))
    assert len(lines) == len(Settings.__struct_fields__)
    assert load(lines) == Settings()


SAID = {name: meaning for part in MEANINGS.values() for name, meaning in part.items()}
ROW = re.compile(r"^\| (`LINKUP_\w+`[^|]*) \|([^|]*)\| (.*) \|$", re.MULTILINE)
SAYS_ZERO = re.compile(r"(?<![\d.])0[:,]|\b0 selects|rate of 0")  # `0: no limit`
MADE = {  # a default that depends on others
    "jwt_secret": "created by `linkup run",
    "dev_login": "on with `linkup run` on loopback",
    "attachments_url": "./data/attachments",
    "vapid_private_key": "created by `linkup run",
    "vapid_subject": "the address of `LINKUP_SMTP_FROM",
}


def numbers() -> dict[str, IntType | FloatType]:
    kinds = type_info(Settings)
    assert isinstance(kinds, StructType)
    return {f.name: f.type for f in kinds.fields if isinstance(f.type, IntType | FloatType)}


def switches() -> set[str]:
    kinds = type_info(Settings)
    assert isinstance(kinds, StructType)
    return {f.name for f in kinds.fields if isinstance(f.type, BoolType)}


def takes_zero(name: str) -> bool:
    return name in numbers() and numbers()[name].ge == 0


def rows() -> list[tuple[list[str], str, str]]:
    """Return the rows of the settings in the README: names, default, meaning."""
    found = ROW.findall((FILE.parent / "README.md").read_text())
    return [(spelt_out(names), default.strip(), meaning) for names, default, meaning in found]


def spelt_out(names: str) -> list[str]:
    """`LINKUP_SMTP_HOST`, `…_PORT` → smtp_host, smtp_port."""
    first, *others = [name.lower() for name in re.findall(r"`(?:LINKUP_|…_)(\w+)`", names)]
    full = [first]
    for rest in others:
        start = first.split("_")
        longer = ["_".join([*start[:most], rest]) for most in range(len(start), -1, -1)]
        full.append(next(name for name in longer if name in SAID))
    return full


def test_the_line_of_a_number_says_what_0_means_where_0_is_allowed() -> None:
    said = {name for name in {*numbers(), *switches()} if SAYS_ZERO.search(SAID[name])}
    assert said == {name for name in numbers() if takes_zero(name)} | switches()


def test_a_bound_that_a_line_names_is_the_bound_of_the_type() -> None:
    for name, kind in numbers().items():
        lowest = LEAST_RETENTION if name == "feed_retention" else kind.ge
        least = re.findall(r", at least (\d+)\.", SAID[name])
        assert [float(number) for number in least] in ([], [lowest]), name
        most = re.findall(r", at most (\d+)\.", SAID[name])
        assert [float(number) for number in most] in ([], [kind.le]), name
        if lowest is not None and lowest > 1:
            assert least, f"say in the line of {name} that it is at least {lowest:g}"
        if kind.le is not None and kind.le <= 100 and name != "smtp_port":
            assert most, f"say in the line of {name} that it is at most {kind.le:g}"


def test_the_readme_says_what_0_means_where_0_is_allowed() -> None:
    for names, _, meaning in rows():
        if set(names) & numbers().keys():
            assert bool(SAYS_ZERO.search(meaning)) == any(map(takes_zero, names)), names


def test_the_readme_has_the_defaults_of_the_settings() -> None:
    for names, shown, _ in rows():
        told = [one.strip("` ") for one in shown.split(",")]
        told = told * len(names) if len(told) == 1 else told
        unit = 10**6 if shown.endswith(" MB") else 1
        for name, one in zip(names, told, strict=True):
            assert one.removesuffix(" MB").removesuffix(" a second") in texts_of(name, unit), name


def texts_of(name: str, unit: int) -> set[str]:
    match getattr(Settings(), name):
        case "" | () | False:
            return {"", "none", "off", MADE.get(name, "")}
        case bool():
            return {"1"}
        case int() | float() as number:
            return {f"{number / unit:.15g}"}
        case other:
            return {str(other)}


DOCUMENTS = [FILE.parent / "README.md", *sorted((FILE.parent / "docs").glob("*.md"))]
COUNTS = {"a": 1, "an": 1, "three": 3, "five": 5, "ten": 10}
UNITS = {"": 1, "s": 1, "second": 1, "minute": 60, "hour": 3600, "day": 86_400, "KiB": 1024}
UNITS["year"] = 365 * UNITS["day"]
UNIT = f"({'|'.join(filter(None, UNITS))})s?\\b"
QUANTITY = re.compile(rf"\b(?:(an?) {UNIT}|(\d[\d,]*|three|five|ten)\b(?: {UNIT})?)")
BESIDE = re.compile(r"([^.;(|]{1,90}) \(`LINKUP_([A-Z_]+)`")


def test_a_quantity_in_front_of_a_setting_is_its_default() -> None:
    """As in "older than 30 days (`LINKUP_FEED_RETENTION`"; of several quantities the last."""
    seen = set()
    for document in DOCUMENTS:
        for words, setting in BESIDE.findall(document.read_text().replace("\n", " ")):
            name = setting.lower()
            if name in numbers() and (told := QUANTITY.findall(words)):
                count, unit = (
                    "".join(pair) for pair in zip(told[-1][:2], told[-1][2:], strict=True)
                )
                amount = COUNTS.get(count) or int(count.replace(",", ""))
                default = getattr(Settings(), name)
                assert amount * UNITS[unit] == default, f"{document.name}: {words} ({setting})"
                seen.add(name)
    assert len(seen) > 20
