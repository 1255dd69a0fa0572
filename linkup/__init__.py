"""The operator's tool: starts, monitors and tests the services, and imports none of them."""

__version__ = "0.5.0"
