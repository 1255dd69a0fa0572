"""Starts notify: `python -m services.notify`."""

from services.notify import audit
from services.notify.app import open_app
from shared.serve import main

if __name__ == "__main__":
    main("notify", open_app, commands={"audit": audit.command})
