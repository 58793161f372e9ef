"""A timer finer than libev's millisecond: Linux's timerfd, or libev's timer where there is none."""

import ctypes
import os
import time
from collections.abc import Callable
from typing import Any

_CLOCK_MONOTONIC = 1  # what time.perf_counter_ns reads on Linux
_TFD_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_ABSOLUTE = 1
_NS_PER_S = 1_000_000_000
_READ = 1


class _Timerspec(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class FineAlarm:
    """Calls back in the hub when the monotonic clock reaches a set time, to within the kernel's ~0.05 ms."""

    def __init__(self, loop: Any, callback: Callable[[], None]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._set = libc.timerfd_settime
        self._spec = _Timerspec(0, 0, 0, 0)
        self._spec_pointer = ctypes.byref(self._spec)
        self._callback = callback
        self._watcher = loop.io(self._descriptor, _READ)
        self._watcher.start(self._ring)

    def at(self, clock_ns: int) -> None:
        """Ring at that reading of `time.perf_counter_ns`; replaces the time set before."""
        self._spec.value_s, self._spec.value_ns = divmod(clock_ns, _NS_PER_S)
        self._set(self._descriptor, _ABSOLUTE, self._spec_pointer, None)

    def close(self) -> None:
        """Ring no more, whatever is set from now on."""
        self._watcher.stop()
        self._watcher.close()
        os.close(self._descriptor)
        self._descriptor = -1

    def _ring(self) -> None:
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return  # set anew meanwhile
        self._callback()


class CoarseAlarm:
    """The same by libev's timer, to within a millisecond."""

    def __init__(self, loop: Any, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._timer: Any = None
        self._closed = False

    def at(self, clock_ns: int) -> None:
        """Ring at that reading of `time.perf_counter_ns`; replaces the time set before."""
        self._drop()
        if self._closed:
            return
        delay_s = max(clock_ns - time.perf_counter_ns(), 0) / _NS_PER_S
        self._timer = self._loop.timer(delay_s)
        self._timer.start(self._callback, update=True)

    def close(self) -> None:
        """Ring no more, whatever is set from now on."""
        self._closed = True
        self._drop()

    def _drop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None


def alarm(loop: Any, callback: Callable[[], None]) -> FineAlarm | CoarseAlarm:
    """The finest alarm that this kernel has."""
    try:
        return FineAlarm(loop, callback)
    except (OSError, AttributeError):
        return CoarseAlarm(loop, callback)
