"""docker-compose.yml without containers: what it promises, then its own processes for real."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from linkup.installation.owners import ALLOWED_SECRETS
from linkup.run.broker import MAX_PAYLOAD_BYTES, OLDEST, PUBLISH, permissions
from services.gateway.api.hosts import Hosts
from services.gateway.auth import Authenticator
from services.gateway.auth.keys import LEAST_SECRET_BYTES
from shared.errors import Forbidden, SettingError
from shared.process.serve import CLOSE_TIMEOUT, DRAIN_TIMEOUT
from shared.settings import PREFIX, SECRETS, Settings, load, variable
from tests.contract.compose_file import (
    COMPOSE,
    DOCKERFILE,
    NATS_CONF,
    PRODUCTION,
    ROOT,
    Missing,
    Service,
    image_environment,
    interpolate,
    nats_settings,
    services,
)
from tests.contract.composed import composed
from tests.support import web
from tests.support.peer import Http, Peer

OBSERVERS = services({}, profile="observability")
TOOLS = services({}, profile="tools")["tools"]
ALL = services({})
OURS = ("persistence", "notify", "gateway")
OF_A_CONTAINER = {
    variable(name)
    for name in ("nats_url", "data_dir", "database_url", "notify_database_url", "attachments_url")
}


def settings_of(service: Service) -> Settings:
    """Raises SettingError for a variable that is no setting."""
    given = image_environment() | service["environment"]
    return load({name: text for name, text in given.items() if name.startswith(PREFIX)})


def seconds(duration: str) -> float:
    assert duration.endswith("s")
    return float(duration.removesuffix("s"))


def test_variables_are_filled_in_as_compose_does() -> None:
    given = {"A": "1", "EMPTY": ""}
    assert interpolate("${A} ${A:-2} ${EMPTY:-3} ${NO:-http://x:${NO:-4}} ${NO}.", given) == (
        "1 1 3 http://x:4 ."
    )
    with pytest.raises(Missing, match="NO: set it"):
        interpolate("${NO:?set it}", given)


def test_there_is_one_service_each_and_the_broker() -> None:
    assert ALL.keys() == {"nats", *OURS}
    for name in OURS:
        assert ALL[name]["command"] == ["python", "-m", f"services.{name}"]
        assert ALL[name]["image"] == ALL["gateway"]["image"]


def test_only_the_gateway_is_published_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in ALL.items() if "ports" in service}
    assert published == {"gateway": ["127.0.0.1:8000:8000"]}
    assert not any("network_mode" in service for service in (ALL | OBSERVERS).values())


def test_s120_who_looks_on_comes_by_a_profile_pinned_and_on_loopback() -> None:
    assert OBSERVERS.keys() == {"prometheus", "grafana"}
    for service in OBSERVERS.values():
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"])
    assert "ports" not in OBSERVERS["prometheus"]
    assert OBSERVERS["grafana"]["ports"] == ["127.0.0.1:3000:3000"]
    mounts = [mount for one in OBSERVERS.values() for mount in one["volumes"]]
    files = [mount.split(":") for mount in mounts if mount.startswith("./")]
    assert all((ROOT / source).is_dir() and mode == "ro" for source, _, mode in files)


@pytest.mark.parametrize("name", [*ALL, *OBSERVERS, "tools"])
def test_a_container_can_do_no_more_than_it_has_to(name: str) -> None:
    service = (ALL | OBSERVERS | {"tools": TOOLS})[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0
    assert [mount.split(":")[0] for mount in service["tmpfs"]] == ["/tmp"]
    assert not {"cap_add", "privileged", "pid", "ipc", "devices"} & service.keys()


@pytest.mark.parametrize("name", ALL | OBSERVERS)
def test_a_container_is_bounded_and_comes_back(name: str) -> None:
    service = (ALL | OBSERVERS)[name]
    assert service["deploy"]["resources"]["limits"].keys() >= {"cpus", "memory", "pids"}
    assert service["logging"]["options"].keys() >= {"max-size", "max-file"}
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", OURS)
def test_only_data_is_kept_and_written(name: str) -> None:
    volumes = [volume.split(":") for volume in ALL[name].get("volumes", [])]
    assert volumes == [[name, "/data"]]
    assert settings_of(ALL[name]).data_dir == "/data"


@pytest.mark.parametrize("name", OURS)
def test_a_service_waits_for_what_it_needs_to_be_healthy(name: str) -> None:
    needed = {"nats", "persistence"} if name == "gateway" else {"nats"}
    waits = {other: {"condition": "service_healthy"} for other in needed}
    assert ALL[name]["depends_on"] == waits


@pytest.mark.parametrize("name", ALL)
def test_the_drain_takes_at_most_half_of_the_grace(name: str) -> None:
    assert seconds(ALL[name]["stop_grace_period"]) >= 2 * (DRAIN_TIMEOUT + CLOSE_TIMEOUT)


@pytest.mark.parametrize("name", OURS)
def test_the_health_check_asks_the_port_the_service_has(name: str) -> None:
    port = getattr(settings_of(ALL[name]), f"{name}_port")
    assert ALL[name]["healthcheck"]["test"][-1] == str(port)
    if name == "gateway":
        assert ALL[name]["ports"][0].endswith(f":{port}")


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_no_secrets_of_others(name: str) -> None:
    everything = {variable(field): "set" for field in Settings.__struct_fields__}
    given = services(everything)[name]["environment"]
    assert not {variable(secret) for secret in SECRETS - ALLOWED_SECRETS[name]} & given.keys()


def test_every_setting_of_the_environment_reaches_a_service() -> None:
    everything = {variable(field): f"set {field}" for field in Settings.__struct_fields__}
    reached = {
        text
        for service in services(everything).values()
        for text in service["environment"].values()
    }
    of_the_container = {"data_dir", "host", "nats_url", "persistence_port", "notify_port"}
    published = {"gateway_port", "metrics_port"}
    for field in set(Settings.__struct_fields__) - of_the_container - published:
        assert f"set {field}" in reached, f"{variable(field)} is named nowhere in {COMPOSE.name}"


def test_the_tools_have_what_the_services_keep_and_start_only_when_asked_for() -> None:
    assert TOOLS["profiles"] == ["tools"]
    assert (TOOLS["image"], TOOLS["restart"]) == (ALL["gateway"]["image"], "no")
    volumes = dict(volume.split(":") for volume in TOOLS["volumes"])
    assert volumes == {name: f"/stores/{name}" for name in OURS}
    settings = settings_of(TOOLS)
    for name, url in (
        ("persistence", settings.store_url),
        ("notify", settings.notify_store_url),
        ("gateway", settings.attachment_store_url),
    ):
        theirs = settings_of(ALL[name])
        kept = {
            "persistence": theirs.store_url,
            "notify": theirs.notify_store_url,
            "gateway": theirs.attachment_store_url,
        }[name]
        assert kept.replace("/data/", f"/stores/{name}/") == url
    made = DOCKERFILE.read_text()  # or a new volume would belong to root
    assert all(path in made for path in volumes.values())


def test_the_tools_reach_the_services_with_the_settings_of_all() -> None:
    everything = {variable(field): f"set {field}" for field in Settings.__struct_fields__}
    tools = services(everything, profile="tools")["tools"]["environment"]
    for service in services(everything).values():
        for name, text in service["environment"].items():
            if name.startswith(PREFIX) and name not in OF_A_CONTAINER:
                assert tools[name] == text, name
    assert TOOLS["environment"][variable("nats_url")] == "nats://operator:operator-demo@nats:4222"
    assert set(ALL["nats"]["networks"]) <= set(TOOLS["networks"])


def test_in_production_the_tools_have_the_keys_of_the_gateway() -> None:
    given = SECRET | {"LINKUP_JWT_SECRET": "a secret"}
    gateway = services(given, COMPOSE, PRODUCTION)["gateway"]["environment"]
    tools = services(given, COMPOSE, PRODUCTION, profile="tools")["tools"]["environment"]
    for name in ("LINKUP_PUBLIC_URL", "LINKUP_DEV_LOGIN", "LINKUP_JWT_SECRET"):
        assert tools[name] == gateway[name]
    password = SECRET["NATS_OPERATOR_PASSWORD"]
    assert tools[variable("nats_url")] == f"nats://operator:{password}@nats:4222"


def test_the_published_port_can_be_another() -> None:
    gateway = services({"LINKUP_GATEWAY_PORT": "9000"})["gateway"]
    assert gateway["ports"] == ["127.0.0.1:9000:8000"]
    assert settings_of(gateway).gateway_port == 8000


def test_a_clean_clone_starts_as_a_demo() -> None:
    settings = settings_of(ALL["gateway"])
    assert settings.dev_login
    assert len(settings.jwt_secret.encode()) >= LEAST_SECRET_BYTES
    assert not settings_of(ALL["notify"]).smtp_host


SECRET = {
    "LINKUP_PUBLIC_URL": "https://chat.example.com",
    **{f"NATS_{user.upper()}_PASSWORD": f"1e{number}" for number, user in enumerate(PUBLISH)},
}


@pytest.mark.parametrize("name", SECRET)
def test_production_does_not_start_without_its_secrets(name: str) -> None:
    some = {other: text for other, text in SECRET.items() if other != name}
    with pytest.raises(Missing, match=f"{name}: set it"):
        services(some, COMPOSE, PRODUCTION)


def test_production_has_no_demo_left() -> None:
    chosen = {"LINKUP_DEV_LOGIN": "1", "LINKUP_JWT_SECRET": "f" * 64}
    production = services(SECRET | chosen, COMPOSE, PRODUCTION)
    settings = settings_of(production["gateway"])
    assert not settings.dev_login
    assert settings.jwt_secret == "f" * 64
    assert "demo" not in str(production)


def test_production_needs_a_secret_or_published_keys() -> None:
    alone = settings_of(services(SECRET, COMPOSE, PRODUCTION)["gateway"])
    with pytest.raises(SettingError, match="LINKUP_JWKS_URL"):
        Authenticator(alone)
    keys = {"LINKUP_JWKS_URL": "https://app.example/keys.json"}
    published = settings_of(services(SECRET | keys, COMPOSE, PRODUCTION)["gateway"])
    assert (published.jwt_secret, published.jwks_url) == ("", keys["LINKUP_JWKS_URL"])
    Authenticator(published)


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        ({}, "localhost:8000"),
        ({}, "127.0.0.1:9000"),
        ({}, "gateway:8000"),
        ({"LINKUP_PUBLIC_URL": "https://chat.example.com"}, "chat.example.com"),
        ({"LINKUP_ALLOWED_HOSTS": "gateway,chat.example.org"}, "chat.example.org"),
    ],
)
def test_f_h8_the_gateway_answers_to_its_names_and_to_no_others(
    environment: dict[str, str], host: str
) -> None:
    hosts = Hosts(settings_of(services(environment)["gateway"]))
    hosts.check([host], "/")
    with pytest.raises(Forbidden):
        hosts.check(["evil.example"], "/")


def test_the_broker_gives_the_permissions_of_linkup_run() -> None:
    conf = nats_settings(NATS_CONF.read_text())
    assert conf["authorization"]["users"] == [
        {
            "user": user,
            "password": f"$NATS_{user.upper()}_PASSWORD",
            "permissions": permissions(user),
        }
        for user in PUBLISH
    ]
    assert conf["max_payload"] == MAX_PAYLOAD_BYTES
    assert conf["http"].startswith("127.0.0.1:")
    assert conf.keys() == {"listen", "http", "max_payload", "authorization"}


def test_each_service_has_the_password_the_broker_knows() -> None:
    for user in PUBLISH:
        password = ALL["nats"]["environment"][f"NATS_{user.upper()}_PASSWORD"]
        assert re.fullmatch('"[a-z-]+"', password)
        if user in OURS:
            url = ALL[user]["environment"]["LINKUP_NATS_URL"]
            assert url == f"nats://{user}:{password[1:-1]}@nats:4222"


def test_the_broker_is_no_older_than_allowed() -> None:
    found = re.fullmatch(r"nats:(\d+)\.(\d+)-alpine", ALL["nats"]["image"])
    assert found
    assert tuple(map(int, found.groups())) >= OLDEST[:2]


def test_the_image_is_of_this_version_and_of_nobody() -> None:
    text = DOCKERFILE.read_text()
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"ARG VERSION={project['version']}\n" in text
    assert f"\nUSER {ALL['gateway']['user']}\n" in text
    assert "# syntax" not in text


def test_a_build_installs_our_packages_anew() -> None:
    """uv would find one in its cache by its pyproject.toml, with the code of an earlier build."""
    last = DOCKERFILE.read_text().partition("\nFROM ")[2].partition("\nFROM ")[0]
    install = last.rpartition("uv sync")[2].replace("\\\n", " ").split()
    root = tomllib.loads((ROOT / "pyproject.toml").read_text())
    members = [ROOT, *(ROOT / one for one in root["tool"]["uv"]["workspace"]["members"])]
    names = {
        tomllib.loads((one / "pyproject.toml").read_text())["project"]["name"] for one in members
    }
    anew = {name for flag, name in pairwise(install) if flag == "--reinstall-package"}
    assert anew == names


@pytest.mark.slow
async def test_a_message_goes_from_socket_to_socket_by_the_processes_of_compose(
    tmp_path: Path,
) -> None:
    async with composed(ALL, tmp_path) as stack:
        url = f"http://127.0.0.1:{stack.ports['gateway']}"
        async with web.client(base_url=url, timeout=10) as client:
            tokens = [await log_in(client, user_id) for user_id in ("alice", "bob")]
            async with (
                connect(f"ws{url[4:]}/ws") as of_alice,
                connect(f"ws{url[4:]}/ws") as of_bob,
            ):
                alice, bob = Peer(of_alice, "alice"), Peer(of_bob, "bob")
                for peer, token in zip((alice, bob), tokens, strict=True):
                    await peer.send("hello", token=token)
                    await peer.next("sync_completed")
                ack = await alice.message("bob", "Hello from compose")
                message = await bob.next("message")
            history = await Http(client, tokens[1]).history(ack["conversation_id"])
            page = await client.get("/")
    assert (ack["type"], ack["seq"]) == ("ack", 1)
    assert message["content"] == "Hello from compose"
    assert [row["message_id"] for row in history] == [ack["message_id"]]
    assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
    assert stack.statuses == dict.fromkeys(ALL, 0)
    assert not stack.errors()


async def log_in(client: httpx2.AsyncClient, user_id: str) -> str:
    answer = await client.post("/v1/dev/login", json={"user_id": user_id})
    return str(answer.raise_for_status().json()["token"])
