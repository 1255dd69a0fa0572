"""The subjects on the bus, checked at start: well formed, each once, none inside another."""

import inspect

from shared import subjects
from shared.process import start


def faults(*patterns: str) -> list[str]:
    return list(start.subject_faults(patterns))


def test_s5_the_subjects_of_the_product_are_without_fault() -> None:
    assert faults(*subjects.PATTERNS) == []


def test_s5_every_subject_that_is_built_fits_one_pattern() -> None:
    builders = [build for _, build in inspect.getmembers(subjects, inspect.isfunction)]
    built = {build("alice") for build in builders if len(inspect.signature(build).parameters) == 1}
    subjects_built = {one for one in built if one.startswith("linkup.") and "*" not in one}
    assert subjects_built >= {subjects.feed("alice"), subjects.live("alice")}
    for subject in {subjects.STORE, subjects.LOG} | subjects_built:
        fitting = [p for p in subjects.PATTERNS if len(faults(p, subject)) == 1]
        assert len(fitting) == 1, subject


def test_s5_a_subject_that_is_there_twice_or_overlaps_is_named() -> None:
    assert faults("linkup.a", "linkup.a") == ["the subject linkup.a is defined twice"]
    assert faults("linkup.*.x", "linkup.a.*") == ["the subjects linkup.*.x and linkup.a.* overlap"]
    assert faults("linkup.>", "linkup.a.b") == ["the subjects linkup.> and linkup.a.b overlap"]
    assert faults("linkup.a", "linkup.a.b", "linkup.b.*", "linkup.c") == []


def test_s5_a_malformed_subject_is_named() -> None:
    for subject in ("linkup", "linkup..a", "linkup.a b", "linkup.>.a", "other.a", "linkup.A", ""):
        assert f"the subject {subject} is malformed" in faults(subject)
