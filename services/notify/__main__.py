"""Starts notify: `python -m services.notify`."""

from services.notify import audit, backup
from services.notify.app import open_app
from shared.serve import main

COMMANDS = {"audit": audit.command, "backup": backup.backup, "restore": backup.restore}

if __name__ == "__main__":
    main("notify", open_app, commands=COMMANDS)
