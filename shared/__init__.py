"""The shared code of the services: frames, commands, subjects, errors, the bus and the settings."""
