"""Watches a service whose PYTHONPATH names this folder, from its start."""

import sys

if any(argument.startswith("services.") for argument in sys.orig_argv):
    from tests.support.blocking import detector

    detector().activate()
