"""Owns reading what containers are made from: docker-compose.yml, the Dockerfile, nats.conf."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
PRODUCTION = ROOT / "deploy" / "production.yml"
NATS_CONF = ROOT / "deploy" / "nats.conf"
DOCKERFILE = ROOT / "Dockerfile"

Service = dict[str, Any]

_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^{}]*))?\}")  # the innermost ones
_TOKEN = re.compile(r'#[^\n]*|"(?:[^"\\]|\\.)*"|[][{}]|[^][{}\s:=,#"]+')


class Missing(Exception):
    """A variable that has to be set is not."""


def services(environment: Mapping[str, str], *files: Path, profile: str = "") -> dict[str, Service]:
    """The services as compose would see them in that environment; a later file adds to a service.
    Without a profile those that have none.

    Only `environment` is merged, which is all that our second file changes of what is in the first.
    """
    merged: dict[str, Service] = {}
    for file in files or (COMPOSE,):
        content = yaml.safe_load(file.read_text())
        for name, service in content["services"].items():
            known = merged.setdefault(name, {"environment": {}})
            added = service.pop("environment", {})
            merged[name] = known | service | {"environment": known["environment"] | added}
    return {
        name: _resolved(service, environment)
        for name, service in merged.items()
        if profile in service.get("profiles", [""])
    }


def interpolate(text: str, environment: Mapping[str, str]) -> str:
    """`${NAME}`, `${NAME:-default}` and `${NAME:?what to do}`, one in the other. Raises Missing."""

    def value(found: re.Match[str]) -> str:
        name, operator, rest = found.groups()
        if given := environment.get(name):
            return given
        if operator == "?":
            raise Missing(f"{name}: {rest}")
        return rest or ""

    while (done := _VARIABLE.sub(value, text)) != text:
        text = done
    return text


def image_environment() -> dict[str, str]:
    """Return the variables of LinkUp and of Python that the final stage of the Dockerfile sets."""
    final = DOCKERFILE.read_text().rpartition("\nFROM ")[2]
    return dict(re.findall(r"\b((?:LINKUP|PYTHON)\w+)=(\S+)", final))


def nats_settings(text: str) -> dict[str, Any]:
    """The nats-server configuration, as far as ours goes; `$NAME` stays as it is."""
    tokens = (t for t in _TOKEN.findall(text) if not t.startswith("#"))
    return _map(tokens)


def _map(tokens: Iterator[str]) -> dict[str, Any]:
    found = {}
    for token in tokens:
        if token == "}":
            break
        found[token] = _value(next(tokens), tokens)
    return found


def _value(token: str, tokens: Iterator[str]) -> Any:
    if token == "{":
        return _map(tokens)
    if token == "[":
        return list(iter(lambda: _value(next(tokens), tokens), "]"))
    if token.startswith('"') or token == "true" or token.isdigit():
        return json.loads(token)
    return token


def _resolved(service: Service, environment: Mapping[str, str]) -> Service:
    """A variable without a value is the environment's, where it is set there."""
    variables = {
        name: environment.get(name) if value is None else value
        for name, value in service["environment"].items()
    }
    given = {name: value for name, value in variables.items() if value is not None}
    resolved: Service = _interpolated(service | {"environment": given}, environment)
    return resolved


def _interpolated(value: Any, environment: Mapping[str, str]) -> Any:
    match value:
        case str():
            return interpolate(value, environment)
        case list():
            return [_interpolated(item, environment) for item in value]
        case dict():
            return {name: _interpolated(item, environment) for name, item in value.items()}
        case _:
            return value
