"""Owns what several commands know of an installation: ways in, programs, permissions, backups."""
