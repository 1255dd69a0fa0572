"""The routes about notifications: what each asks, what it answers, and what it refuses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec
import pytest
from starlette.applications import Starlette

from services.gateway import contract
from services.gateway.api.host import Host
from services.gateway.api.notifications import Notifications
from services.gateway.api.profiles import Profiles
from services.gateway.api.response import problems
from services.gateway.auth import Authenticator
from services.gateway.rates import Rates
from services.gateway.socket.refusals import Refusals
from shared import commands
from shared.commands import (
    Announce,
    AnnounceAnswer,
    Announced,
    Joined,
    Notice,
    NoticesAnswer,
    NotifyStats,
    NotifyStatsAnswer,
    PreferencesAnswer,
    Profile,
    PutPreferences,
    PutUser,
    ReadAnswer,
    ReadNotice,
    ReadNotices,
)
from shared.errors import ClientIdConflict, LinkupError, NotFound, Unavailable
from shared.health.counters import Counters
from shared.health.report import AsyncCheck, HealthAnswer, SocketCheck
from shared.settings import Settings
from tests.support.recorder import Recorder
from tests.unit.gateway.odd_claims import ODD

KEY = "k" * 32
NOON = 1_764_000_000_000_000
NOTICE = Notice(
    notification_id="n1",
    notification_type="mention",
    priority="high",
    title="Bob mentioned you",
    body="",
    sender_id="bob",
    created_at=NOON,
    updated_at=NOON,
)
READ = ReadAnswer(count=2, unread_count=5, at=NOON)
PREFERENCES = PreferencesAnswer(
    types=[commands.TypePreference(notification_type="mention", email=False)],
    quiet_hours=commands.QuietHours(start="22:00", end="07:30"),
    time_zone=None,
    digest="daily",
)
HEALTH = HealthAnswer(
    service="gateway",
    timestamp=NOON,
    health_score=70,
    status="warning",
    state="ready",
    operations=1,
    recent_errors_count=0,
    errors={},
    error_summary={},
    async_context_check=AsyncCheck(),
    websocket_check=SocketCheck(),
    recommendations=[],
    figures={"users": 3.0, "sockets": 4.0},
)


class Behind:
    """Notify, the lanes and the log in one; `answers` are those of notify, by kind."""

    def __init__(self, *answers: Any, error: LinkupError | None = None) -> None:
        self.answers = {type(answer): answer for answer in answers}
        self.error = error
        self.asked: list[Any] = []
        self.profile: Profile | None = None

    async def ask(self, asked: Any, kind: type[Any]) -> Any:
        self.asked.append(asked)
        if self.error is not None:
            raise self.error
        return self.answers[kind]

    async def call(self, command: PutUser, kind: type[Any]) -> Any:
        self.asked.append(command)

    async def join(self, user_id: str) -> Joined:
        return Joined(epoch="e1", head=0, profile=self.profile)

    async def report(self) -> HealthAnswer:
        return msgspec.structs.replace(HEALTH, services={"gateway": HEALTH})


@asynccontextmanager
async def served(
    behind: Any, headers: dict[str, str], **limits: Any
) -> AsyncIterator[httpx2.AsyncClient]:
    settings = Settings(jwt_secret="j" * 32, admin_key=KEY, **limits)
    auth, refusals = Authenticator(settings), Refusals(Counters())
    endpoints = {
        **Notifications(behind).endpoints(),
        **Profiles(behind, behind).endpoints(),
        **Host(behind, behind.report).endpoints(),
    }
    routes = contract.bind(endpoints, auth, Rates(settings), settings, Recorder())
    app = Starlette(routes=routes, exception_handlers={LinkupError: problems(refusals)})
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://localhost", headers=headers
    ) as client:
        yield client


def as_alice(behind: Any) -> Any:
    token = Authenticator(Settings(jwt_secret="j" * 32)).sign("alice", "Alice")
    return served(behind, {"authorization": f"Bearer {token}"})


def as_operator(behind: Any) -> Any:
    return served(behind, {"authorization": f"Bearer {KEY}"})


async def test_s40_the_list_is_asked_for_by_pages() -> None:
    behind = Behind(NoticesAnswer(notices=[NOTICE], next="7-n1", unread_count=3))
    query = {"limit": 5, "before": "9-n0", "unread_only": "true", "notification_type": "mention"}
    async with as_alice(behind) as api:
        answer = await api.get("/v1/notifications", params=query)
    assert behind.asked == [
        commands.Notices(
            user_id="alice", limit=5, before="9-n0", unread_only=True, notification_type="mention"
        )
    ]
    shown = answer.json()
    assert (shown["next"], shown["unread_count"]) == ("7-n1", 3)
    assert shown["notifications"][0]["sender_id"] == "bob"


async def test_s40_a_page_has_twenty_unless_asked_otherwise() -> None:
    behind = Behind(NoticesAnswer(notices=[], next="", unread_count=0))
    async with as_alice(behind) as api:
        assert (await api.get("/v1/notifications")).json()["next"] is None
    assert behind.asked == [commands.Notices(user_id="alice")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("before", ""),
        ("before", "a b"),
        ("unread_only", "yes"),
        ("notification_type", "No Such"),
        ("colour", "red"),
    ],
)
async def test_s40_a_bad_parameter_is_named(field: str, value: str) -> None:
    behind = Behind()
    async with as_alice(behind) as api:
        answer = await api.get("/v1/notifications", params={field: value})
    assert (answer.status_code, behind.asked) == (400, [])
    assert f"`{field}`" in answer.json()["detail"]


async def test_s40_one_or_all_are_marked_as_read() -> None:
    behind = Behind(READ)
    async with as_alice(behind) as api:
        one = await api.post("/v1/notifications/n1/read")
        some = await api.post("/v1/notifications/read-all", json={"up_to": "n1"})
        every = await api.post("/v1/notifications/read-all", json={})
    assert behind.asked == [
        ReadNotice(user_id="alice", notification_id="n1"),
        ReadNotices(user_id="alice", up_to="n1"),
        ReadNotices(user_id="alice"),
    ]
    for answer in (one, some, every):
        assert (answer.status_code, answer.json()["count"]) == (200, 2)
        assert answer.json()["unread_count"] == 5


@pytest.mark.parametrize("notification_id", ["n1", "N-1", "x" * 65])
async def test_s40_what_is_not_ones_own_is_not_found(notification_id: str) -> None:
    async with as_alice(Behind(error=NotFound("There is no such notification"))) as api:
        answer = await api.post(f"/v1/notifications/{notification_id}/read")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["detail"] == "There is no such notification"


async def test_s40_while_notify_is_away_the_answer_is_unavailable() -> None:
    async with as_alice(Behind(error=Unavailable("The service is starting or away"))) as api:
        for path in ("/v1/notifications", "/v1/notification-preferences"):
            answer = await api.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert answer.headers["retry-after"]


async def test_s41_preferences_are_shown_whole() -> None:
    behind = Behind(PREFERENCES)
    async with as_alice(behind) as api:
        shown = (await api.get("/v1/notification-preferences")).json()
    assert behind.asked == [commands.Preferences(user_id="alice")]
    [mention] = shown.pop("types")
    assert (mention["notification_type"], mention["push"], mention["email"]) == (
        *("mention", True, False),
    )
    assert shown == {
        "quiet_hours": {"start": "22:00", "end": "07:30"},
        "time_zone": None,
        "digest": "daily",
    }


EACH: dict[str, Any] = {
    "notification_type": "mention",
    "enabled": True,
    "realtime": False,
    "push": True,
    "email": False,
}
NIGHT = {"start": "22:00", "end": "07:00"}


async def test_s41_only_what_is_said_is_changed() -> None:
    behind = Behind(PREFERENCES)
    async with as_alice(behind) as api:
        for change in (
            {"types": [EACH], "digest": "weekly"},
            {"quiet_hours": NIGHT, "time_zone": "Europe/Berlin"},
            {"quiet_hours": None, "time_zone": None},
        ):
            answer = await api.put("/v1/notification-preferences", json=change)
            assert answer.status_code == 200
    assert behind.asked == [
        PutPreferences(user_id="alice", types=[commands.TypePreference(**EACH)], digest="weekly"),
        PutPreferences(
            user_id="alice",
            quiet_hours=commands.QuietHours(**NIGHT),
            time_zone="Europe/Berlin",
        ),
        PutPreferences(user_id="alice", quiet_hours=None, time_zone=None),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quiet_hours": {"start": "24:00", "end": "07:00"}}, "quiet_hours.start"),
        ({"quiet_hours": {"start": "9:00", "end": "07:00"}}, "quiet_hours.start"),
        ({"quiet_hours": {"start": "09:00", "end": "07:60"}}, "quiet_hours.end"),
        ({"quiet_hours": {"start": "09:00\n", "end": "07:00"}}, "quiet_hours.start"),
        ({"quiet_hours": {"start": "09:00", "end": "09:00"}}, "quiet_hours"),
        ({"quiet_hours": {"start": "09:00"}}, "end"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"digest": "yearly"}, "digest"),
        ({"types": [EACH, EACH]}, "notification_type"),
        ({"types": [EACH | {"email": "no"}]}, "email"),
        ({"types": [{"notification_type": "mention"}]}, "enabled"),
        ({"types": [EACH | {"notification_type": "Mention!"}]}, "notification_type"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_s41_a_bad_preference_is_named_and_nothing_is_asked(
    change: dict[str, Any], field: str
) -> None:
    behind = Behind(PREFERENCES)
    async with as_alice(behind) as api:
        answer = await api.put("/v1/notification-preferences", json=change)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert field in answer.json()["detail"]
    assert "regex" not in answer.json()["detail"]
    assert behind.asked == []


# ------------------------------------------------------------------ the host's part

PERSON = {
    "name": "Zoë 🌻",
    "email": "zoe@example.com",
    "tz": "Europe/Berlin",
    "locale": "pt-BR",
    "avatar": "https://example.com/zoe.png",
}


async def test_a_user_is_made_known_and_shown_as_stored() -> None:
    behind = Behind()
    behind.profile = Profile(user_id="zoe", name="Zoë 🌻", email="zoe@example.com")
    async with as_operator(behind) as api:
        answer = await api.put("/v1/admin/users/zoe", json=PERSON)
        await api.put("/v1/admin/users/zoe", json={"email": None, "tz": None})
        await api.put("/v1/admin/users/zoe", json={})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "user_id": "zoe",
            "name": "Zoë 🌻",
            "email": "zoe@example.com",
            "tz": None,
            "locale": None,
            "avatar": None,
        },
    )
    assert behind.asked == [
        PutUser(
            user_id="zoe",
            name="Zoë 🌻",
            email="zoe@example.com",
            time_zone="Europe/Berlin",
            locale="pt-BR",
            avatar="https://example.com/zoe.png",
        ),
        PutUser(user_id="zoe", email="", time_zone=""),
        PutUser(user_id="zoe"),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "\u200b"),
        *((field, value) for field, values in ODD.items() for value in values),
        ("colour", "red"),
    ],
)
async def test_a_bad_profile_is_named_and_nothing_is_stored(field: str, value: str) -> None:
    behind = Behind()
    async with as_operator(behind) as api:
        answer = await api.put("/v1/admin/users/zoe", json=PERSON | {field: value})
    assert (answer.status_code, behind.asked) == (400, [])
    assert field in answer.json()["detail"]
    assert "regex" not in answer.json()["detail"]


@pytest.mark.parametrize("named", ["linkup--canary-1", "linkup--x", "x" * 129])
async def test_a_reserved_or_invalid_id_is_refused(named: str) -> None:
    behind = Behind()
    async with as_operator(behind) as api:
        answer = await api.put(f"/v1/admin/users/{named}", json=PERSON)
    assert (answer.status_code, behind.asked) == (400, [])


SAID = {
    "idempotency_key": "job-17",
    "user_ids": ["zoe", "nobody"],
    "notification_type": "new_job_posted",
    "title": "A new job for you",
}
DONE = AnnounceAnswer(
    results=[
        Announced(user_id="zoe", outcome="accepted", notification_id="n1"),
        Announced(user_id="nobody", outcome="unknown_user"),
    ],
    duplicate=False,
)


async def test_s67_the_host_notifies_many_and_hears_of_each() -> None:
    behind = Behind(DONE)
    more = {"priority": "urgent", "body": "x" * 1000, "action_url": "/jobs/17/", "sender_id": "bob"}
    async with as_operator(behind) as api:
        answer = await api.post("/v1/admin/notifications", json=SAID | more | {"group_key": "g"})
    assert behind.asked == [Announce(**SAID, **more, group_key="g")]  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "results": [
                {"user_id": "zoe", "outcome": "accepted", "notification_id": "n1"},
                {"user_id": "nobody", "outcome": "unknown_user"},
            ],
            "duplicate": False,
        },
    )


async def test_s67_the_host_notifies_one_and_a_repeat_creates_nothing() -> None:
    behind = Behind(msgspec.structs.replace(DONE, duplicate=True))
    one = {name: value for name, value in SAID.items() if name != "user_ids"} | {"user_id": "zoe"}
    async with as_operator(behind) as api:
        answer = await api.post("/v1/admin/notifications", json=one)
    assert (answer.status_code, answer.json()["duplicate"]) == (200, True)
    assert behind.asked[0].user_ids == ["zoe"]


async def test_s67_the_same_key_with_other_content_is_a_conflict() -> None:
    async with as_operator(Behind(error=ClientIdConflict("`idempotency_key`: …"))) as api:
        answer = await api.post("/v1/admin/notifications", json=SAID)
    assert (answer.status_code, answer.json()["code"]) == (409, "client_id_conflict")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": None}, "idempotency_key"),
        ({"user_ids": []}, "user_ids"),
        ({"user_ids": ["zoe", "zoe"]}, "user_ids"),
        ({"user_ids": ["z"] * 501}, "user_ids"),
        ({"user_ids": ["a/b"]}, "user_ids"),
        ({"user_ids": None}, "user_ids"),
        ({"user_id": "zoe"}, "user_id"),
        ({"notification_type": "No Such"}, "notification_type"),
        ({"priority": "loud"}, "priority"),
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"body": "x" * 1001}, "body"),
        ({"body": "\x00"}, "body"),
        ({"action_url": "javascript:alert(1)"}, "action_url"),
        ({"action_url": "//evil.example"}, "action_url"),
        ({"action_url": "/\\evil.example"}, "action_url"),
        ({"action_url": "https://"}, "action_url"),
        ({"sender_id": ""}, "sender_id"),
        ({"group_key": "two words"}, "group_key"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_s67_s68_a_bad_field_is_named_and_nothing_is_asked(
    change: dict[str, Any], field: str
) -> None:
    behind = Behind(DONE)
    async with as_operator(behind) as api:
        answer = await api.post("/v1/admin/notifications", json=SAID | change)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert field in answer.json()["detail"]
    assert "regex" not in answer.json()["detail"]
    assert behind.asked == []


async def test_s93_the_dashboard_shows_who_is_online_the_health_and_the_counts() -> None:
    stats = NotifyStatsAnswer(
        unread={"mention": 1},
        items={"mention": 2},
        deliveries={"email": {"sent": 1}},
        reasons={"read": 1},
        subscriptions=3,
        suppressed_addresses=1,
    )
    behind = Behind(stats)
    async with as_operator(behind) as api:
        shown = (await api.get("/v1/admin/dashboard")).json()
    assert behind.asked == [NotifyStats()]
    assert (shown["users_online"], shown["sockets"]) == (3, 4)
    assert (shown["health_score"], shown["status"]) == (70, "warning")
    assert shown["services"] == {"gateway": {"health_score": 70, "status": "warning"}}
    assert shown["notifications"]["deliveries"] == {"email": {"sent": 1}}


async def test_s93_the_dashboard_answers_while_notify_is_away() -> None:
    async with as_operator(Behind(error=Unavailable("away"))) as api:
        answer = await api.get("/v1/admin/dashboard")
    assert (answer.status_code, answer.json()["notifications"]) == (200, None)


async def test_the_host_has_a_rate_of_its_own() -> None:
    behind = Behind(DONE)
    async with served(behind, {"authorization": f"Bearer {KEY}"}, host_per_minute=2) as api:
        sent = [(await api.post("/v1/admin/notifications", json=SAID)).status_code for _ in "abc"]
        assert sent == [201, 201, 429]
        behind.error = Unavailable("away")
        assert (await api.get("/v1/admin/dashboard")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/admin/users/zoe"),
        ("POST", "/v1/admin/notifications"),
        ("GET", "/v1/admin/dashboard"),
    ],
)
async def test_the_host_s_routes_want_the_operator_s_key(method: str, path: str) -> None:
    behind = Behind(DONE)
    async with as_alice(behind) as api:  # a user's token is no key
        assert (await api.request(method, path, json=SAID)).status_code == 401
    assert behind.asked == []
