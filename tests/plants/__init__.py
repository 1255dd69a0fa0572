"""Bugs planted on purpose, one after another, each to be seen by a test."""
