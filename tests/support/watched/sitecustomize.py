"""Watches the process whose PYTHONPATH names this folder, from its start."""

from tests.support.blocking import detector

detector().activate()
