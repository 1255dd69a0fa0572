"""One WebSocket: its frames, its place in the feed, and the frames that wait to be written."""
