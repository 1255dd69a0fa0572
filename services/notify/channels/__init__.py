"""The channels over which notifications are sent."""
