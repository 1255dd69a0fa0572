"""Owns the client-facing contract: every frame, its limits, and the one way in (`decode`)."""

from shared.frames.client import *
from shared.frames.coding import *
from shared.frames.fields import *
from shared.frames.server import *
