"""Samples the service that Python runs here: what its main thread and its transactions do.

Python imports a module of this name before the program; only `make profile` puts it on the path.
SIGUSR2 begins and ends it. In between a timer on the main thread's CPU clock takes its stack every
few milliseconds of work, so that a sleeping process is not disturbed. A signal reaches Python's
other threads too late to tell what they do: there, functions named in BENCH_TIMED are timed.
"""

import json
import os
import sys
from collections import Counter
from types import CodeType, FrameType
from typing import Any

INTERVAL_NS = 1_000_000  # the system makes one of its ticks of it, mostly 4 ms
DEPTH = 80

Stack = tuple[CodeType, ...]  # innermost first


class Sampler:
    def __init__(self, file: str) -> None:
        self._file = file
        self._timer: Any = None
        self._seconds: dict[Stack, float] = {}
        self._before = self._began = 0.0
        self._threads: dict[int, float] = {}
        self._stages = Stages()

    def turn(self, number: int, here: object) -> None:
        """Begin, or end and write what was found."""
        if self._timer is None:
            self._begin()
        else:
            self._end()

    def sample(self, number: int, here: FrameType | None) -> None:
        import time

        now = time.thread_time()
        stack = _stack(here)
        self._seconds[stack] = self._seconds.get(stack, 0.0) + now - self._before
        self._before = now

    def _begin(self) -> None:
        import signal
        import time

        self._stages.wrap()
        self._stages.take()
        signal.signal(signal.SIGPROF, self.sample)
        self._threads, self._seconds = _other_threads(), {}
        self._before, self._began = time.thread_time(), time.process_time()
        self._timer = _timer(signal.SIGPROF)

    def _end(self) -> None:
        import signal
        import time

        _libc().timer_delete(self._timer)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
        self._timer = None
        now = _other_threads()
        told = {
            "cpu": time.process_time() - self._began,
            "main": [[[_name(code) for code in stack], s] for stack, s in self._seconds.items()],
            "others": sum(now[one] - self._threads.get(one, 0.0) for one in now),
            "stages": self._stages.take(),
            "missing": self._stages.missing,
        }
        with open(f"{self._file}.new", "w") as file:
            json.dump(told, file)
        os.rename(f"{self._file}.new", self._file)


class Stages:
    """Functions whose own CPU time is counted, what they call in turn left out.

    BENCH_TIMED is a JSON object: `module:function` or `module:Class.function` → stage.
    """

    def __init__(self) -> None:
        self._wanted: dict[str, str] = json.loads(os.environ.get("BENCH_TIMED", "{}"))
        self._seconds: Counter[str] = Counter()
        self._inner = [0.0]  # CPU seconds of what was called, by depth
        self.missing: list[str] = []

    def take(self) -> dict[str, float]:
        taken, self._seconds = self._seconds, Counter()
        return dict(taken)

    def wrap(self) -> None:
        """Only what has been imported: each service is given the targets of all."""
        wanted, self._wanted = self._wanted, {}
        for target, stage in wanted.items():
            module, _, path = target.partition(":")
            owner: Any = sys.modules.get(module)
            *classes, name = path.split(".")
            for part in classes:
                owner = getattr(owner, part, None)
            if hasattr(owner, name):
                setattr(owner, name, self._timed(getattr(owner, name), stage))
            else:
                self.missing.append(target)

    def _timed(self, function: Any, stage: str) -> Any:
        import time

        def timed(*args: Any, **options: Any) -> Any:
            began = time.thread_time()
            self._inner.append(0.0)
            try:
                return function(*args, **options)
            finally:
                spent = time.thread_time() - began
                self._seconds[stage] += spent - self._inner.pop()  # type: ignore[assignment]
                self._inner[-1] += spent

        return timed


def _other_threads() -> dict[int, float]:
    """CPU seconds of each, by its number."""
    import threading
    import time

    return {
        thread.ident: time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread.ident is not None and thread is not threading.main_thread()
    }


def _libc() -> Any:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _timer(signal_number: int) -> Any:
    """On the main thread's CPU clock, its signal for that thread alone: see timer_create(2)."""
    import ctypes
    import threading
    import time

    class Event(ctypes.Structure):
        _fields_ = (
            ("value", ctypes.c_void_p),
            ("signo", ctypes.c_int),
            ("notify", ctypes.c_int),
            ("thread_id", ctypes.c_int),
            ("padding", ctypes.c_char * 64),
        )

    main = threading.main_thread()
    event = Event(signo=signal_number, notify=4, thread_id=main.native_id)  # SIGEV_THREAD_ID
    timer, often = ctypes.c_void_p(), (ctypes.c_long * 4)(0, INTERVAL_NS, 0, INTERVAL_NS)
    clock = time.pthread_getcpuclockid(main.ident or 0)
    if _libc().timer_create(clock, ctypes.byref(event), ctypes.byref(timer)):
        raise OSError(ctypes.get_errno(), "timer_create")
    _libc().timer_settime(timer, 0, ctypes.byref(often), None)
    return timer


def _stack(frame: FrameType | None) -> Stack:
    codes: list[CodeType] = []
    while frame is not None and len(codes) < DEPTH:
        codes.append(frame.f_code)
        frame = frame.f_back
    return tuple(codes)


def _name(code: CodeType) -> str:
    return f"{code.co_filename}:{code.co_qualname}"


def start() -> None:
    """Only in a service: `python -P -m services.gateway`."""
    folder = os.environ.get("BENCH_SAMPLES")
    service = next((word for word in sys.orig_argv if word.startswith("services.")), None)
    if folder is not None and service is not None:
        import signal

        sampler = Sampler(os.path.join(folder, f"{service.partition('.')[2]}.samples"))
        signal.signal(signal.SIGUSR2, sampler.turn)


start()
