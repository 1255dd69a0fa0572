"""`python -m services.persistence`"""

from services.persistence.app import open_app
from services.persistence.upkeep import command
from shared.serve import main

if __name__ == "__main__":
    main("persistence", open_app, commands={"audit": command.audit, "files": command.files})
