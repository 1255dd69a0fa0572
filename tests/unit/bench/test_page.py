"""docs/benchmarks.md and the README's lines tell what was measured, and nothing else changes."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from linkup.load.measured import Latency
from linkup.load.report import Report
from tests.bench import page, plots
from tests.bench.against import Comparison
from tests.bench.calm import CalmFloor
from tests.bench.charts import LABELS
from tests.bench.commit import CommitFloor
from tests.bench.echo import EchoFloor
from tests.bench.history import Cost, Costs
from tests.bench.plots import Everything
from tests.bench.product import HERE
from tests.bench.profile import Load, Profile, Stage
from tests.bench.report import Bench, targets
from tests.bench.results import Machine

MACHINE = Machine(commit="abc1234", at="today", python="3.11", cpus=2, model="a model")
README = (
    "# Name\n<!-- figures: make bench ARGS=--write -->\nold\n<!-- end of the figures -->\nrest\n"
)


def report(**different: Any) -> Report:
    ack = Latency(p50_ms=1.5, p95_ms=2.5, p99_ms=3.5, max_ms=9.0)
    counts = dict.fromkeys(
        ["unacknowledged", "lost", "duplicated", "out_of_order", "corrupted", "cursor_gaps"], 0
    )
    values: dict[str, Any] = {
        "pairs": 100,
        "window": 8,
        "rate": 0.0,
        "seconds": 10.0,
        "messages_per_second": 9_000.0,
        "ack": ack,
        "delivery": ack,
        "server_cpu_us": {"gateway": 60.0, "persistence": 40.0},
        "server_cpu_us_total": 100.0,
        "server_wakes": {"gateway": 2.0},
        "generator_cpu_us": 20.0,
        "others_cpu_share": 0.01,
        "sent": 90_000,
        "acked": 90_000,
        "delivered": 90_000,
        "errors": {},
        "closed": {},
        "limits": [],
        "faults": [],
        **counts,
    }
    return Report(**(values | different))


@pytest.fixture
def found() -> Everything:
    echo = EchoFloor(echoes_per_second=40_000.0, cpu_us=15.0, generator_cpu_us=10.0)
    calm = CalmFloor(
        rate=200, cpu_us=200.0, wakes=1.0, latency=Latency(), socket_kb=19.0, connect_cpu_ms=0.2
    )
    turn = {"idle.kb": 50.0, "join.cpu": 1.0, "history.cpu": 2.0, "idle.wakes": 150.0}
    bench = Bench(
        machine=MACHINE,
        full=report(),
        steady=report(rate=200.0),
        typing=report(rate=200.0, typists=1_000, quiet_ack=Latency(p99_ms=3.0)),
        found=turn,
        echo=echo,
        calm=calm,
        sqlite=CommitFloor(commits_per_second=400.0, p50_ms=2.0),
    )
    stages = [
        Stage(service="gateway", name="decode", us=60.0),
        Stage(service="nats-server", name="everything", us=40.0),
    ]
    loads = [
        Load(name=name, messages_per_second=9_000.0, stages=stages, functions=[], missing=[])
        for name in ("full", "quiet")
    ]
    cost = Cost(name="send", empty_p50_ms=1.0, full_p50_ms=1.3, empty_min_ms=1.0, full_min_ms=1.0)
    costs = Costs(
        stored=10_000, in_one_conversation=2_000, megabytes=7, filled_in_s=1, costs=[cost]
    )
    before, now = {"full.rate": 5_000.0}, {"full.rate": 9_000.0}
    return Everything(
        bench=bench,
        sweep=[report(rate=rate) for rate in (50.0, 200.0)],
        profile=Profile(machine=MACHINE, loads=loads),
        histories=[costs],
        comparison=Comparison(machine=MACHINE, other_commit="f00", before=[before], now=[now]),
    )


def test_every_part_is_told_with_its_ratio(found: Everything) -> None:
    said = page.page(found)
    assert "Measured at commit abc1234, today, Python 3.11, 2 CPUs (a model)" in said
    assert "| messages/s, 100 pairs, 8 in flight | 9,000 | bare echo 40,000/s | 0.23 |" in said
    assert "| wakes/message at 200/s (gateway 2.00) | 2.00 | bare echo 1.00 | 2.0 |" in said
    assert "| 200 | 1.50 | 2.50 | 3.50 | 1.50 | 100 |" in said
    assert "| decode | 60.0 | 60.0 |" in said
    assert "| send | 1.00 | 1.30 | 1.30 |" in said
    assert "| 100 pairs, 8 in flight: messages/s | 5,000 | 9,000 | 1.80 | ≥ 1.40 pass |" in said


def test_the_readme_changes_between_its_marks_alone(found: Everything, tmp_path: Path) -> None:
    (tmp_path / "docs" / "images").mkdir(parents=True)
    (tmp_path / "README.md").write_text(README)
    written = page.write(found, tmp_path)
    said = (tmp_path / "README.md").read_text()
    assert said.startswith(
        "# Name\n<!-- figures: make bench ARGS=--write -->\n\nThe server handles 9,000 "
    )
    assert said.endswith("`make bench`).\n\n<!-- end of the figures -->\nrest\n")
    assert "old" not in said
    assert "every operation takes at most 1.30 times as long" in " ".join(said.split())
    images = [path for path in written if path.suffix == ".svg"]
    assert len(images) == 4
    assert all(len(ET.fromstring(path.read_text())) for path in images)
    shown = said + (tmp_path / "docs" / "benchmarks.md").read_text()
    assert all(f"images/{path.name}" in shown for path in images)


def test_the_readme_has_the_marks() -> None:
    assert page.BLOCK.search((HERE / "README.md").read_text(encoding="utf-8"))


def test_a_target_that_was_missed_is_said(found: Everything) -> None:
    verdicts = [met for _, _, met in targets(found.bench)]
    assert verdicts == [True, True, True, True, True, True]


def test_a_commit_and_the_other_are_drawn_from_the_same_turns(found: Everything) -> None:
    drawn = plots.throughput(found.bench, found.comparison)
    assert ">the same at commit f00<" in drawn
    assert ">5,000<" in drawn


def test_labels_end_where_the_bars_begin(found: Everything) -> None:
    for drawn in plots.plots(found).values():
        for one in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text"):
            if one.get("class") != "title" and float(one.get("x") or 0) < LABELS / 2:
                assert len(one.text or "") * 7 < LABELS
