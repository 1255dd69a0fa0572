"""The gateway: sockets, authentication, frame validation, the HTTP API and the web page."""
