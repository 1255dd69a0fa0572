"""The Prometheus rules and the dashboard in deploy/ name metrics that exist."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from services.gateway.upstream.stages import STORE
from shared.health.catalogue import ALL, STANDARD, TABLE
from shared.health.report import Check, ceilings
from shared.health.taxonomy import CATEGORIES
from tests.contract.compose_file import ROOT, services
from tests.contract.metrics_table import table
from tests.support.prometheus import needs_promtool, promtool

FOLDER = ROOT / "deploy" / "observability"
RULES = FOLDER / "alerts.yml"
TESTS = FOLDER / "alerts.test.yml"
DASHBOARD = FOLDER / "grafana" / "dashboards" / "linkup.json"
SCHEMA = Path(__file__).with_name("dashboard.schema.json")
RUNBOOK = ROOT / "docs" / "operations.md"

NAME = re.compile(r"\b((?:linkup|process)_[a-z_]+)\b")
LABELLED = re.compile(r"\b(linkup_[a-z_]+)\{([^{}]*)\}")
LABEL = re.compile(r"([a-z_]+)\s*=~?")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def expressions() -> Iterator[str]:
    yield from (alert["expr"] for alert in alerts())
    yield from (target["expr"] for panel in panels() for target in panel.get("targets", []))


def known() -> set[str]:
    names = {metric.name for metric in TABLE} | STANDARD
    for metric in TABLE:
        if metric.kind == "histogram":
            names |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    return names


def test_s120_each_metric_of_the_dashboard_and_the_alerts_exists() -> None:
    named = {name for expression in expressions() for name in NAME.findall(expression)}
    assert named - known() == set()


def test_s120_each_metric_of_the_table_is_looked_at() -> None:
    named = " ".join(expressions())
    unseen = {metric.name for metric in TABLE if metric.name not in named}
    assert unseen == {"linkup_info"}


def test_labels_of_the_dashboard_and_the_alerts_exist() -> None:
    labels = {metric.name: {metric.label, "job", "instance"} for metric in TABLE}
    for expression in expressions():
        for name, selector in LABELLED.findall(expression):
            base = re.sub("_(bucket|sum|count)$", "", name)
            assert set(LABEL.findall(selector)) <= labels[base], expression
    assert any(f'operation="{STORE}"' in expression for expression in expressions())


def test_the_dashboard_has_the_form_that_grafana_loads() -> None:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(DASHBOARD.read_text()))


def test_no_panel_covers_another() -> None:
    placed = panels()
    assert len({panel["id"] for panel in placed}) == len(placed)
    for one, other in combinations([panel["gridPos"] for panel in placed], 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in placed)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_s120_an_alert_says_what_it_is_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert re.fullmatch(r"LinkUp[A-Z][A-Za-z]+", alert["alert"])
    assert alert["labels"]["severity"] in ("warning", "critical")
    assert alert["annotations"]["summary"].endswith(".")
    file, _, anchor = alert["annotations"]["runbook"].partition("#")
    assert ROOT / file == RUNBOOK
    heading = rf"^#### {anchor.replace('-', ' ')}$"
    found = re.search(heading + r"\n(.*?)(?=^#)", RUNBOOK.read_text(), re.M | re.S | re.I)
    assert found is not None, f"docs/operations.md has no part {anchor!r}"
    assert alert["alert"] in found[1]
    for word in ("Symptom:", "Cause:", "What to do:"):
        assert word in found[1]


# A check of each name that lowers the score, as it lowers it most and least.
LOW: dict[str, list[Check]] = {
    **{
        name: [Check("fail", "why")] for name in ("bus", "store", "reader", "persistence", "notify")
    },
    **{name: [Check("fail", "why")] for name in ("subscriptions", "subjects", "routes", "canary")},
    **{name: [Check("fail", "why")] for name in ("log", "state")},
    "loop": [Check("warn", "why", 101), Check("warn", "why", 251)],
    "disk": [Check("warn", "/data", 9.9), Check("warn", "/data", 1.9)],
}


def recommended() -> dict[str, tuple[str, str]]:
    """The two cells behind each name in the tables of the health score."""
    part = RUNBOOK.read_text().split("\n## The health score\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \| (.*?) \| (.*) \|$", part, re.M)
    return {
        name: (cell, rest) for names, cell, rest in rows for name in re.findall("`(.*?)`", names)
    }


@pytest.mark.parametrize("name", LOW)
def test_s84_each_cause_below_a_ceiling_has_its_part_of_the_runbook(name: str) -> None:
    most, rest = recommended()[name]
    found = [one for check in LOW[name] for one in ceilings("notify", {name: check})]
    numbers = [int(number) for number in re.findall(r"\b\d\d\b(?! %)", most)]
    assert numbers == [one.most for one in found]
    measured, remedy = rest.split(" | ")
    for one in found:
        assert set(NAME.findall(measured)) == set(NAME.findall(one.advice))
    assert len(remedy.split()) > 5


def test_s84_each_category_of_errors_has_its_part_of_the_runbook() -> None:
    told = recommended()
    for category, kind in CATEGORIES.items():
        cost, remedy = told[category]
        assert cost in (f"{kind.weight:g} ({kind.cap:g})", "the score is 0")
        assert len(remedy.split()) > 5
    assert {"email", "smtp", "audit"} <= told.keys()  # they warn, and lower nothing


def test_s120_the_table_of_the_documentation_is_the_codes() -> None:
    assert table() in RUNBOOK.read_text(), "write it anew: python -m tests.contract.metrics_table"
    assert all(f"`{name}`" in RUNBOOK.read_text() for name in STANDARD)


@needs_promtool
def test_s120_prometheus_takes_its_configuration_and_the_rules() -> None:
    said = promtool("check", "config", FOLDER / "prometheus.yml")
    assert f"{len(alerts())} rules found" in said


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_quiet() -> None:
    cases = [
        (case["alertname"], bool(case["exp_alerts"]))
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    assert sorted(cases) == sorted((a["alert"], fires) for a in alerts() for fires in (True, False))


@needs_promtool
def test_s120_each_alert_fires_when_it_should_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", TESTS)


@pytest.mark.parametrize(
    ("alert", "least", "severity"),
    [("LinkUpErrorsMany", 50, "warning"), ("LinkUpErrorsTooMany", 100, "critical")],
)
def test_s81_fifty_errors_in_five_minutes_warn_and_a_hundred_are_critical(
    alert: str, least: int, severity: str
) -> None:
    """The rules count all categories but those that clients can cause; promtool tries each rule."""
    [rule] = [each for each in alerts() if each["alert"] == alert]
    assert rule["labels"]["severity"] == severity
    assert rule["expr"].endswith(f"[5m])) >= {least}")
    [left_out] = re.findall(r'category!~"([a-z_|]+)"', rule["expr"])
    assert set(left_out.split("|")) == {
        *("validation_error", "connection_error", "auth_error", "overload")
    }
    assert set(left_out.split("|")) < CATEGORIES.keys()


def test_prometheus_asks_each_service_where_it_tells() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    asked = {
        job["job_name"].removeprefix("linkup-"): job["static_configs"][0]["targets"]
        for job in config["scrape_configs"]
    }
    environments = {name: one["environment"] for name, one in services({}).items()}
    ports = {
        name: environments[name].get("LINKUP_METRICS_PORT")
        or environments[name][f"LINKUP_{name.upper()}_PORT"]
        for name in ALL
    }
    assert asked == {name: [f"{name}:{port}"] for name, port in ports.items()}


def test_grafana_asks_the_prometheus_of_the_same_profile() -> None:
    source = yaml.safe_load(
        (FOLDER / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text()
    )
    assert source["datasources"][0]["url"] == "http://prometheus:9090"
    provider = yaml.safe_load(
        (FOLDER / "grafana" / "provisioning" / "dashboards" / "linkup.yml").read_text()
    )["providers"][0]
    mounts = services({}, profile="observability")["grafana"]["volumes"]
    assert any(mount.split(":")[1] == provider["options"]["path"] for mount in mounts)
