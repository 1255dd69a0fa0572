"""Owns the request and response bodies of the HTTP API."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from shared.api.access import *
from shared.api.attachment import *
from shared.api.audit_log import *
from shared.api.block import *
from shared.api.contact import *
from shared.api.conversation import *
from shared.api.erasure import *
from shared.api.error import *
from shared.api.export import *
from shared.api.feed import *
from shared.api.member import *
from shared.api.message import *
from shared.api.notification import *
from shared.api.problem import *
from shared.api.profile import *
from shared.api.progress import *
from shared.api.push import *
from shared.api.report import *
from shared.api.trace import *
from shared.api.user import *
from shared.api.webhook import *
from shared.health.defects import unencodable

DEFAULT_LIMIT = 50
PageSize = Annotated[int, Meta(ge=1, le=100)]

_encoder = msgspec.json.Encoder()


def encode(answer: Struct) -> bytes:
    """Raises Unencodable."""
    try:
        return _encoder.encode(answer)
    except (TypeError, ValueError, OverflowError) as error:
        raise unencodable(answer, error) from error
