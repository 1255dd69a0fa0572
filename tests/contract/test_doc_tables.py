"""The tables of the documents list what the code has, and nothing else."""

import re
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path

import linkup_client
import msgspec
import pytest

from services.gateway.auth import FAULTS
from services.gateway.socket.refusals import CATEGORIES as REFUSED
from services.gateway.socket.refusals import TOLD
from services.notify.channels.templates import SHIPPED
from services.notify.channels.views import ConversationView, Line, NoticeView, Run
from services.notify.inbox.grouping import HOUR, USUAL, WINDOWS
from services.notify.upkeep.audit import KIND
from services.persistence.upkeep import violations
from shared import api
from shared.errors import BY_CODE
from shared.frames import NOTIFICATION_TYPES
from shared.health.report import Check
from shared.health.taxonomy import CATEGORIES
from shared.route import Route
from shared.routes import ROUTES

ROOT = Path(__file__).parents[2]
JSON = "application/json"


def section(document: str, heading: str) -> str:
    """Return the text below a heading, down to the next heading."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^##|\Z)", text, re.M | re.S)
    assert found is not None, f"{document} has no part {heading!r}"
    return found[1]


def rows(text: str, head: str) -> list[list[str]]:
    """Return the cells of the table whose first line begins with `head`."""
    table = text.partition(head)[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


def named(cell: str) -> set[str]:
    return set(re.findall(r"`(\w[\w-]*)`", cell))


def sources(*folders: str) -> Iterator[str]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.read_text(encoding="utf-8")


def literals(pattern: str, texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in re.findall(pattern, text)}


ADDED = r'(?:checks\["(?=\w+"\] =)|require\(\s*health,\s*")(\w+)"'
OF_EACH = {"bus", "subscriptions", "routes", "subjects"}  # added by each service by itself


def test_the_table_of_readiness_has_each_check_of_each_service() -> None:
    told, at = dict[str, set[str]](), set[str]()
    for service, cell, *_ in rows(section("operations.md", "### Readiness"), "| service | check |"):
        at = told.setdefault(service, set()) if service else at
        at.update(named(cell))
    assert told.pop("all") == OF_EACH | {"state", "loop"}
    for service, checks in told.items():
        found = literals(ADDED, sources(f"services/{service}"))
        couriers = {"email", "push"} if service == "notify" else set()
        assert found >= OF_EACH
        assert checks == found - OF_EACH | couriers


def test_the_table_of_readiness_names_the_fields_of_a_check_as_they_are_sent() -> None:
    sent = {one.encode_name for one in msgspec.structs.fields(Check)}
    what = rows(section("operations.md", "### Readiness"), "| service | check |")
    told = set(re.findall(r"`(observed\w*)`", " ".join(cell for row in what for cell in row[2:])))
    assert told
    assert told <= sent


def test_the_codes_and_reasons_of_refused_lines_are_those_of_the_gateway() -> None:
    text = section("operations.md", "## Limits of the server")
    [codes] = re.findall(r"The codes are (.*?)Other errors", text, re.S)
    reasons = re.search(r"`unauthorized` \((.*?)\)", codes, re.S)
    assert reasons is not None
    gateway = [*sources("services/gateway")]
    whys = literals(r'\.why = "(\w+)"', gateway) | literals(r'else "(revoked)"', gateway)
    assert named(reasons[1]) == {*FAULTS.values(), "claims", *whys}
    told = named(re.sub(r"\(.*?\)", "", codes, flags=re.S))
    assert told == TOLD | literals(r'refusals\.tell\("(\w+)"', gateway) | {"abuse"}
    assert told <= REFUSED.keys()


def test_the_table_of_errors_has_each_category_with_its_severity() -> None:
    told = rows(section("operations.md", "## Errors"), "| category | severity |")
    severities = {name.strip("`"): severity.split(";")[0] for name, severity, _ in told}
    assert severities == {name: kind.severity for name, kind in CATEGORIES.items()}


def test_the_table_of_the_audit_has_each_finding() -> None:
    text = section("operations.md", "## Auditing the stored data")
    told = [name for finding, *_ in rows(text, "| finding |") for name in sorted(named(finding))]
    assert sorted(told) == sorted([*typing.get_args(violations.Kind), KIND])


def test_the_table_of_the_doctor_has_each_check() -> None:
    told = rows(section("operations.md", "## The doctor"), "| check | what is checked |")
    verdict = r'(?:passed|warned|failed|skipped)\(\s*"([\w-]+)"'
    services = {"persistence", "notify", "gateway"}
    found = literals(verdict, sources("linkup/doctor")) | services
    assert {name for checks, _ in told for name in named(checks)} == found


def test_the_table_of_errors_of_the_protocol_says_which_are_temporary() -> None:
    told = rows(section("protocol.md", "## Errors"), "| code | temporary | |")
    assert {code.strip("`"): temporary == "✓" for code, temporary, _ in told} == {
        code: error.temporary for code, error in BY_CODE.items()
    }


def test_the_table_of_grouped_notifications_has_the_limits_of_notify() -> None:
    told = rows(section("protocol.md", "## Notifications"), "| what is grouped |")
    limits = {
        " ".join(named(what.split(",")[0])): (int(hours.split()[0]) * HOUR, int(most))
        for what, hours, most in told
    }
    assert limits.pop("") == USUAL
    assert limits == WINDOWS


def test_the_table_of_events_has_the_fields_of_each() -> None:
    told = rows(section("webhooks.md", "## Events"), "| `type` | `data` |")
    fields: dict[str, set[str]] = {
        kind: set(struct.__struct_fields__) for kind, struct in api.EVENT_DATA.items()
    }
    assert {
        kind: named(data) & fields[kind] for kinds, data in told for kind in named_events(kinds)
    } == fields


def named_events(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", cell)


CALL = re.compile(r"`([A-Z]+) (/v1/[\w/{}-]+)(\?[\w&]+)?( \{[^`]*\})?`")
INNER = re.compile(r": (\{[^}]*\}|…)")
LISTED_ELSEWHERE = {  # the fields of a frame, or a table of their own
    *("POST /v1/messages", "POST /v1/admin/messages", "POST /v1/admin/notifications"),
}
UNUSED = {"POST /v1/push-subscriptions": {"expirationTime"}}  # browsers send it
ONE_OF = {"POST /v1/conversations", "POST /v1/reports"}  # whose rule the schema cannot express


class Told(typing.NamedTuple):
    """What the protocol tells of a route: parameters, and fields, some of which may be left out."""

    query: set[str]
    fields: set[str]
    optional: set[str]


def anonymous(method: str, path: str) -> str:
    return f"{method} {re.sub('{[^}]*}|linkup--system', '{}', path)}"


def told_of_routes() -> dict[str, Told]:
    names = {anonymous(route.method, route.path): route.name for route in ROUTES}
    told: dict[str, Told] = {}
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    for method, path, query, body in CALL.findall(text):
        one = told.setdefault(names[anonymous(method, path)], Told(set(), set(), set()))
        one.query.update(re.findall(r"\w+", query))
        fields = re.findall(r"(\w+)(\??)", INNER.sub("", body))
        one.fields.update(name for name, _ in fields)
        one.optional.update(name for name, mark in fields if mark)
    return told


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.path.startswith("/v1/")], ids=lambda r: r.name
)
def test_the_protocol_names_each_parameter_and_field_of_a_route(route: Route) -> None:
    told = told_of_routes()[route.name]
    assert told.query == {parameter.name for parameter in route.query}
    if route.name in LISTED_ELSEWHERE or route.body is None or route.body_media_type != JSON:
        return
    fields = msgspec.structs.fields(route.body)
    assert told.fields == {f.encode_name for f in fields} - UNUSED.get(route.name, set())
    if route.name not in ONE_OF:
        may_be_left_out = {f.encode_name for f in fields if not f.required}
        assert told.optional == may_be_left_out & told.fields


METHOD = re.compile(r"^  (?:async )?(?:get )?([a-z]\w*)(?:\(.*\)) \{$", re.MULTILINE)


def test_the_document_of_the_javascript_client_names_each_method_and_event() -> None:
    web = ROOT / "clients" / "web"
    client = (web / "linkup-client.js").read_text(encoding="utf-8")
    methods = {*METHOD.findall(client), *METHOD.findall((web / "sdk" / "api.js").read_text())}
    events = set(re.findall(r'#emit\("(\w+)"', client))
    assert len(methods) > 50
    document = (web / "README.md").read_text(encoding="utf-8")
    unnamed = {name for name in methods if not re.search(rf"`{name}[`(]", document)}
    assert unnamed == {"constructor"}
    assert events <= named(document)


def test_the_document_of_the_python_client_names_each_method() -> None:
    document = (ROOT / "clients" / "python" / "README.md").read_text(encoding="utf-8")
    methods = [name for name in vars(linkup_client.Client) if not name.startswith("_")]
    assert len(methods) > 15
    assert [name for name in methods if not re.search(rf"\b{name}\b", document)] == []
    raised = [
        name for name in linkup_client.__all__ if name.endswith(("Failed", "Full", "Unknown"))
    ]
    assert [name for name in raised if f"| `{name}` |" not in document] == []


def test_the_tables_of_the_templates_name_each_file_and_value() -> None:
    text = section("notifications.md", "## Templates")
    files = [name for cell, _ in rows(text, "| File |") for name in re.findall(r"`(.*?)`", cell)]
    assert sorted(files) == sorted(path.name for path in SHIPPED.glob("*.*"))
    values = named(text)
    for shown in (ConversationView, NoticeView, Run, Line):
        assert values >= {*shown.__struct_fields__}, shown


def test_the_types_of_notifications_are_counted_right() -> None:
    built_in = f"the {len(NOTIFICATION_TYPES)} built-in ones"
    assert built_in in (ROOT / "README.md").read_text(encoding="utf-8")
    assert built_in in (ROOT / ".env.example").read_text(encoding="utf-8")
