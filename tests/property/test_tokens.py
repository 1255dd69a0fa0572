"""Tokens in odd base64url are taken and refused as the JWT library does by itself."""

import base64
import hashlib
import hmac

import jwt
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.gateway.auth.form import Decoder

SECRET = b"s3cret-" * 6
HEADER, CLAIMS = b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"alice","name":"\xc3\x85"}'

Odd = tuple[int, str, str]  # a place, what stands there instead of that many characters, an end
AS_IT_IS: Odd = (0, "", "")
ODD = st.one_of(
    st.just(AS_IT_IS),
    st.tuples(
        st.integers(0, 45),
        st.sampled_from(["", "A", "f", "-", "_", "+", "/", "=", "!", " ", "\n", ".", "Ä", "\0"]),
        st.sampled_from(["", "", "", "=", "==", "===", "A", "AA", "AAA"]),
    ),
)


def odd(content: bytes, how: Odd) -> str:
    text = base64.urlsafe_b64encode(content).rstrip(b"=").decode()
    at, instead, end = how
    return text[:at] + instead + text[at + len(instead) :] + end


def outcome(decoder: jwt.PyJWT, token: str) -> object:
    try:
        return decoder.decode(token, SECRET, algorithms=["HS256"])
    except jwt.PyJWTError as error:
        return type(error)


@settings(max_examples=500, deadline=None)
@given(header=ODD, claims=ODD, signature=ODD)
@example(AS_IT_IS, AS_IT_IS, AS_IT_IS)
@example(AS_IT_IS, (0, "", "="), AS_IT_IS)
@example(AS_IT_IS, AS_IT_IS, (42, "d", ""))
def test_a_token_means_what_the_library_says(header: Odd, claims: Odd, signature: Odd) -> None:
    signed = f"{odd(HEADER, header)}.{odd(CLAIMS, claims)}"
    proof = hmac.new(SECRET, signed.encode(), hashlib.sha256).digest()
    token = f"{signed}.{odd(proof, signature)}"
    assert outcome(Decoder(), token) == outcome(jwt.PyJWT(), token)
