"""Owns how a row becomes a frame: the same body for a live event, a replay and a page."""
