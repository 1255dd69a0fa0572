"""Owns the bodies of feed frames: the same for a live event, a replay and a page."""
