"""Owns the report of a conformance run: the verdicts and totals, as text and JSON."""

import click
from msgspec import Struct

from linkup.conform.check import Check
from shared.reserved import PREFIX

SECTIONS = (
    "Common", "connecting", "frames", "marks", "revisions", "groups", "blocks", "notifications",
    "resume", "HTTP", "errors", "close codes",
)  # fmt: skip
PROMISES = ("C1", "C2", "C3", "C4", "C5", "C6", "C7", "C9", "C10")
MARKS = {"pass": click.style("✓", "green"), "fail": click.style("✗", "red"), "skip": "-"}


class Verdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of a check. `verdict` is pass, fail or skip. `exchanged` has the frames and calls
    of a failed check."""

    name: str
    section: str
    promise: str
    sentence: str
    verdict: str
    seconds: float
    reason: str = ""
    expected: str = ""
    saw: str = ""
    exchanged: list[str] = []


class Report(Struct, frozen=True, kw_only=True):
    url: str
    run: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    checks: list[Verdict]


def report(url: str, run: str, verdicts: list[Verdict], seconds: float) -> Report:
    counts = {kind: sum(one.verdict == kind for one in verdicts) for kind in MARKS}
    return Report(
        url=url,
        run=run,
        passed=counts["pass"],
        failed=counts["fail"],
        skipped=counts["skip"],
        seconds=round(seconds, 3),
        checks=verdicts,
    )


def in_words(found: Report) -> str:
    lines: list[str] = []
    for section in SECTIONS:
        members = [one for one in found.checks if one.section == section]
        if members:
            lines += ["", click.style(section, bold=True), *_each(members)]
    lines += ["", click.style("Promises", bold=True), *_promises(found.checks), ""]
    lines.append(
        f"{found.passed} passed, {found.failed} failed, {found.skipped} skipped "
        f"in {found.seconds:.1f} s; users of this run: {PREFIX}conform-{found.run}-…"
    )
    return "\n".join(lines)


def listed(chosen: list[Check]) -> str:
    width = max(len(check.name) for check in chosen)
    return "\n".join(
        f"{check.name:<{width}}  {check.promise:<3}  {check.section:<11}  {check.sentence}"
        for check in chosen
    )


def _each(members: list[Verdict]) -> list[str]:
    return [line for one in members for line in _lines(one)]


def _lines(one: Verdict) -> list[str]:
    promise = f" [{one.promise}]" if one.promise else ""
    lines = [f"  {MARKS[one.verdict]} {one.name}{promise}  {one.sentence}"]
    if one.verdict == "skip":
        lines.append(f"      skipped: {one.reason}")
    if one.verdict == "fail":
        lines += [f"      expected {one.expected}", f"      saw {one.saw}"]
        lines += [f"        {line}" for line in one.exchanged]
    return lines


def _promises(verdicts: list[Verdict]) -> list[str]:
    return [_sum(promise, [one for one in verdicts if one.promise == promise])
            for promise in PROMISES]  # fmt: skip


def _sum(promise: str, verdicts: list[Verdict]) -> str:
    kinds = [one.verdict for one in verdicts]
    if not kinds:
        return f"  - {promise:<3} not tried"
    worst = "fail" if "fail" in kinds else "pass" if "pass" in kinds else "skip"
    each = ", ".join(f"{kinds.count(kind)} {kind}" for kind in MARKS if kind in kinds)
    return f"  {MARKS[worst]} {promise:<3} {each}"
