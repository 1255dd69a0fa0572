"""A host app in FastAPI: it signs people in, and shows their messages in a frame."""

import os
import secrets
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import Cookie, FastAPI, Response
from fastapi.responses import HTMLResponse, RedirectResponse

CHAT = os.environ["CHAT_URL"]  # the origin of LinkUp
KEY = load_pem_private_key(Path(os.environ["HOST_KEY_FILE"]).read_bytes(), None)
PUBLIC = jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
PAGE = Path(__file__).with_name("page.html").read_text().replace("{{CHAT}}", CHAT)

app = FastAPI()
sessions: dict[str, str] = {}  # of this process; a real app has a database


@app.get("/jwks.json")
def jwks() -> dict:
    return {"keys": [{**PUBLIC, "kid": "host-1", "alg": "ES256", "use": "sig"}]}


@app.post("/linkup/token")
def token(response: Response, session: str = Cookie("")) -> dict:
    response.headers["Access-Control-Allow-Origin"] = CHAT
    response.headers["Access-Control-Allow-Credentials"] = "true"
    user = sessions.get(session)
    if user is None:
        response.status_code = 401
        return {"sign_in_url": "/"}
    now = int(time.time())
    claims = {"sub": user, "name": user.title(), "aud": "linkup", "iat": now, "exp": now + 300}
    return {"token": jwt.encode(claims, KEY, algorithm="ES256", headers={"kid": "host-1"})}


@app.get("/sign-in/{user}")  # a real app asks for a password
def sign_in(user: str) -> Response:
    response = RedirectResponse("/")
    response.set_cookie("session", session := secrets.token_urlsafe(), httponly=True)
    sessions[session] = user
    return response


@app.get("/")
def home() -> Response:
    return HTMLResponse(PAGE)
