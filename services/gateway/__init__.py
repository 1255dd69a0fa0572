"""The gateway: WebSockets, authentication, frame validation, the HTTP API and the web page."""
