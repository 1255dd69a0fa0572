"""Owns the keys that the host app publishes at LINKUP_JWKS_URL, as `linkup token` reads them."""

import asyncio

import jwt

from linkup.token.keys import Key
from shared.errors import StartError
from shared.outward import NotSent, Unanswered, open_outward
from shared.outward.destinations import Refused, Rules
from shared.settings import Settings

OK = 200


def published(settings: Settings) -> list[Key]:
    """Raises StartError if there is no key set."""
    try:
        return [Key(one.key, one.algorithm_name) for one in asyncio.run(_set(settings)).keys]
    except Refused as refused:
        why = f"it {refused}; a host of your own network must be in LINKUP_OUTBOUND_ALLOWED"
    except (NotSent, Unanswered) as error:
        why = f"no answer ({error})"
    except (ValueError, AttributeError, jwt.PyJWTError) as error:
        why = f"the answer is no key set ({error})"
    raise StartError(f"cannot read the keys at {settings.jwks_url}: {why}") from None


async def _set(settings: Settings) -> jwt.PyJWKSet:
    async with open_outward(Rules(settings.outbound_allowed)) as outward:
        answer = await outward.request("GET", settings.jwks_url)
    if answer.status != OK:
        raise Unanswered(f"status {answer.status}")
    return jwt.PyJWKSet.from_json(answer.body.decode())
