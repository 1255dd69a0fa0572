"""Owns the result of a check: a state, the measured value, and the remedy in one sentence."""

from typing import Literal

from msgspec import Struct

State = Literal["pass", "warn", "fail", "skip"]

NEEDS_RUNNING = "needs a running product"


class Verdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of a check. `value` is what was found, and `fix` what to do about a warning or a
    failure. `skip` means that it could not be checked, for the reason in `value`."""

    check: str
    status: State
    value: str
    fix: str = ""


def passed(check: str, value: str) -> Verdict:
    return Verdict(check=check, status="pass", value=value)


def warned(check: str, value: str, fix: str) -> Verdict:
    return Verdict(check=check, status="warn", value=value, fix=fix)


def failed(check: str, value: str, fix: str) -> Verdict:
    return Verdict(check=check, status="fail", value=value, fix=fix)


def skipped(check: str, why: str = NEEDS_RUNNING) -> Verdict:
    return Verdict(check=check, status="skip", value=why)
