"""A child process ends when its parent does. Imports nothing heavy, so that it can start first."""

import os
import select
import shutil
import signal
import threading
from contextlib import suppress
from pathlib import Path

VARIABLE_STATE = "HYBRIDCHECK_REFERENCE_STATE"  # folder to remove when the parent is gone
NATIVE_PID = "native.pid"  # file in that folder: the native service may be frozen when the parent ends
LOOK_EVERY_S = 0.5


def watch_parent() -> None:
    """End this process when its parent ends, however that happens.

    The parent holds the other end of this process's standard input; the kernel closes it with the parent. A forked
    sibling may hold a copy, so the parent's id is looked at as well. (PR_SET_PDEATHSIG is not used: it fires when the
    *thread* that started the child ends, which kills a healthy child of a parent that starts it from a worker thread.)
    """
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True, name="watch-parent").start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], LOOK_EVERY_S)
        if readable and not os.read(0, 1):
            break
    state = os.environ.get(VARIABLE_STATE)
    if state:
        with suppress(OSError, ValueError):
            os.kill(int((Path(state) / NATIVE_PID).read_text(encoding="ascii")), signal.SIGCONT)
    if state:  # a launcher that is asked to stop removes the folder itself, after its children have ended
        shutil.rmtree(state, ignore_errors=True)
    os._exit(0)
