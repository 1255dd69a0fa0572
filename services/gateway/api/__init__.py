"""The HTTP API: the same commands and queries as the socket, for clients without one."""
