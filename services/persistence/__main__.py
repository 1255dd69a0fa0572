"""Starts persistence: `python -m services.persistence`."""

from services.persistence.upkeep import backup, command
from shared.process.program import main
from shared.settings import Settings

COMMANDS = {
    "audit": command.audit,
    "files": command.files,
    "schema": command.schema,
    "backup": backup.backup,
    "restore": backup.restore,
}


def serve(settings: Settings) -> None:
    from services.persistence.app import open_app
    from shared.process.serve import run

    run("persistence", open_app, settings)


if __name__ == "__main__":
    main("persistence", serve, COMMANDS)
