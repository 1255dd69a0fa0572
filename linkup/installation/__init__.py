"""Owns what several commands share: ways into an installation, its programs, and output."""
