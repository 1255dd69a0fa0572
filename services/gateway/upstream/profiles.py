"""Owns storing the profiles of users, from their tokens or the demo login."""

from contextlib import suppress

from services.gateway.auth import DEMO_CAST, Identity, demo_email
from services.gateway.auth.claims import REMOVED
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.queries import Log
from shared.commands import Done, Profile, PutUser
from shared.errors import NotFound, Unauthorized
from shared.reserved import SYSTEM, is_reserved

SYSTEM_NAME = "System"  # until the host app changes it


class People:
    def __init__(self, lanes: Lanes, log: Log) -> None:
        self._lanes = lanes
        self._log = log

    async def know(self, identity: Identity) -> None:
        """Store what the token says, if that is news. Raises LinkupError."""
        await self.update(identity, (await self._log.join(identity.user_id)).profile)

    async def update(self, identity: Identity, profile: Profile | None) -> None:
        """Like `know`, if the stored profile is available."""
        told = told_by(identity)
        if profile is None or _is_news(told, profile):
            await self._put(told)

    async def check(self, user_id: str) -> None:
        """Raises NotFound for a user who is not known. The system is made known."""
        if (await self._log.join(user_id)).profile is not None:
            return
        if user_id != SYSTEM:
            raise NotFound("`user_id`: there is no such user")
        await self._put(PutUser(user_id=SYSTEM, name=SYSTEM_NAME))

    async def know_the_cast(self, user_id: str) -> None:
        """Make the demo's users known from the first login on, so that anyone can be written to."""
        for member_id, name in {} if is_reserved(user_id) else DEMO_CAST.items():
            if member_id != user_id and (await self._log.join(member_id)).profile is None:
                with suppress(NotFound):  # who was erased stays so
                    await self._put(
                        PutUser(user_id=member_id, name=name, email=demo_email(member_id))
                    )

    async def know_by_demo(self, user_id: str, name: str | None) -> PutUser:
        """Store who has signed in on the demo, and return it. What the host app has said of them
        stays, but for a name that they give. Raises Unauthorized for who is banned or erased."""
        joined = await self._log.join(user_id)
        if joined.standing is not None and joined.standing.banned:
            raise Unauthorized("You no longer have access")
        profile = joined.profile
        known = profile or Profile(user_id=user_id)
        told = PutUser(
            user_id=user_id,
            name=name or known.name or DEMO_CAST.get(user_id, user_id),
            email=known.email or demo_email(user_id),
        )
        if profile is None or _is_news(told, profile):
            await self._put(told)
        return told

    async def _put(self, told: PutUser) -> None:
        await self._lanes.call(told, Done)


def told_by(identity: Identity) -> PutUser:
    """Return the command that stores a token's claims about its user."""
    return PutUser(
        user_id=identity.user_id,
        name=identity.name,
        email=identity.email,
        time_zone=identity.time_zone,
        locale=identity.locale,
        avatar=identity.avatar,
    )


def _is_news(told: PutUser, profile: Profile) -> bool:
    return any(
        getattr(told, name) not in (None, getattr(profile, name) or REMOVED)
        for name in ("name", "email", "time_zone", "locale", "avatar")
    )
