"""A host app in Django: it signs people in, and shows their messages in a frame."""

import os
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

CHAT = os.environ["CHAT_URL"]  # the origin of LinkUp
KEY = load_pem_private_key(Path(os.environ["HOST_KEY_FILE"]).read_bytes(), None)
PUBLIC = jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
PAGE = Path(__file__).with_name("page.html").read_text().replace("{{CHAT}}", CHAT)

settings.configure(
    SECRET_KEY=os.environ["DJANGO_SECRET_KEY"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)


def jwks(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"keys": [{**PUBLIC, "kid": "host-1", "alg": "ES256", "use": "sig"}]})


@csrf_exempt  # nothing is changed, and only CHAT and this app can read the answer
@require_POST
def token(request: HttpRequest) -> HttpResponse:
    shared = {"Access-Control-Allow-Origin": CHAT, "Access-Control-Allow-Credentials": "true"}
    user = request.session.get("user")
    if user is None:
        return JsonResponse({"sign_in_url": "/"}, status=401, headers=shared)
    now = int(time.time())
    claims = {"sub": user, "name": user.title(), "aud": "linkup", "iat": now, "exp": now + 300}
    signed = jwt.encode(claims, KEY, algorithm="ES256", headers={"kid": "host-1"})
    return JsonResponse({"token": signed}, headers=shared)


def sign_in(request: HttpRequest, user: str) -> HttpResponse:  # a real app asks for a password
    request.session["user"] = user
    return redirect("/")


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE)


urlpatterns = [
    path("", home),
    path("jwks.json", jwks),
    path("linkup/token", token),
    path("sign-in/<user>", sign_in),
]
application = get_asgi_application()
