"""Presence and typing: told while it is true, never stored."""
