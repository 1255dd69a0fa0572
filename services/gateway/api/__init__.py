"""The HTTP API: the same commands and queries as on the WebSocket."""
