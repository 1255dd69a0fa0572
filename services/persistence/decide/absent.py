"""Owns the refusals for what does not exist. What a user may not see is refused alike."""

from shared.commands import Refused
from shared.errors import NotFound

NO_USER = Refused.of(NotFound("There is no such user"))
NO_CONVERSATION = Refused.of(NotFound("There is no such conversation"))
NO_MESSAGE = Refused.of(NotFound("There is no such message"))
