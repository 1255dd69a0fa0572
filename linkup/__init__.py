"""The operator's tool: starts, watches and tests the services; imports none of them."""

__version__ = "0.3.0"
