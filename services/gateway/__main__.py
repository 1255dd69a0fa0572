"""Starts the gateway: `python -m services.gateway`."""

from services.gateway.app import open_app
from services.gateway.attachments import copies, inspection
from services.gateway.socket.direct import DirectWire
from services.gateway.socket.wire import Wire
from shared.serve import main

if __name__ == "__main__":
    websockets = {"direct": DirectWire, "websockets": Wire}
    commands = {
        "audit": inspection.audit,
        "backup": copies.backup,
        "restore": copies.restore,
    }
    main("gateway", open_app, websockets, commands)
