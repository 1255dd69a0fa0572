"""`python -m services.persistence`"""

from services.persistence.app import open_app
from services.persistence.upkeep import command
from shared.serve import main

if __name__ == "__main__":
    commands = {"audit": command.audit, "files": command.files, "schema": command.schema}
    main("persistence", open_app, commands=commands)
