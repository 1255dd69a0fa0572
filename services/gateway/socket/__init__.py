"""One WebSocket: its frames, its position in the feed, and its outgoing frames."""
