"""Starts persistence: `python -m services.persistence`."""

from services.persistence.app import open_app
from services.persistence.upkeep import backup, command
from shared.serve import main

if __name__ == "__main__":
    commands = {
        "audit": command.audit,
        "files": command.files,
        "schema": command.schema,
        "backup": backup.backup,
        "restore": backup.restore,
    }
    main("persistence", open_app, commands=commands)
