"""Starts notify: `python -m services.notify`."""

from services.notify.upkeep import audit, backup
from shared.process.program import main
from shared.settings import Settings

COMMANDS = {"audit": audit.command, "backup": backup.backup, "restore": backup.restore}


def serve(settings: Settings) -> None:
    from services.notify.app import open_app
    from shared.process.serve import run

    run("notify", open_app, settings)


if __name__ == "__main__":
    main("notify", serve, COMMANDS)
