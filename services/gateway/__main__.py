"""Starts the gateway: `python -m services.gateway`."""

from services.gateway.attachments import copies, inspection
from shared.process.program import main
from shared.settings import Settings

COMMANDS = {
    "audit": inspection.audit,
    "backup": copies.backup,
    "restore": copies.restore,
}


def serve(settings: Settings) -> None:
    from services.gateway.app import open_app
    from services.gateway.socket.direct import DirectWire
    from services.gateway.socket.wire import Wire
    from shared.process.serve import run

    run("gateway", open_app, settings, {"direct": DirectWire, "websockets": Wire})


if __name__ == "__main__":
    main("gateway", serve, COMMANDS)
