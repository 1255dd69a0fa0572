"""Lets a `ping` of a test put a fault into the gateway whose PYTHONPATH names this folder."""

import sys

if "services.gateway" in sys.orig_argv:
    from tests.support.injection import inject

    inject()
