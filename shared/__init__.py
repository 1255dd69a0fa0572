"""What the services agree on: frames, commands, subjects, errors, the bus and the settings."""
