"""The ways a notification leaves the house."""
