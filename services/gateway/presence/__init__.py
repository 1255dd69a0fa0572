"""Presence and typing, which are sent live and never stored."""
