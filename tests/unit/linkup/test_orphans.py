import io

from linkup.run.orphans import watch


def test_the_watcher_knows_who_is_left_when_the_pipe_closes() -> None:
    assert watch(io.StringIO("+10\n+11\n-10\n+12\n").readline) == {11, 12}


def test_the_watcher_has_nothing_to_do_after_a_clean_end() -> None:
    assert watch(io.StringIO("+10\n-10\n").readline) == set()
