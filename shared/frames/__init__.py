"""Owns the contract with clients: every frame, its limits, and its decoding."""

from shared.frames.client import *
from shared.frames.coding import *
from shared.frames.fields import *
from shared.frames.notification import *
from shared.frames.server import *
