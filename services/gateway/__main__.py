"""`python -m services.gateway`"""

from services.gateway.app import open_app
from services.gateway.socket.direct import DirectWire
from services.gateway.socket.wire import Wire
from shared.serve import main

if __name__ == "__main__":
    main("gateway", open_app, {"direct": DirectWire, "websockets": Wire})
