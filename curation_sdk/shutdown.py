"""How a running cycle learns that it is to stop, and how a worker's processes end together.

django-q2 lets a worker finish its task, however long, before it stops; an orchestrator kills it after ten seconds. And
its processes outlive each other: told to stop as a group (systemd does that) or killed from outside, they wait for one
another for ever. Seen with django-q2 1.11.1, November 2026. `qcluster` of this project puts both right:

- A flag that all processes share tells the cycles under way to end. It is plain shared memory without a lock: a
  process killed while it held a lock would block the others.
- A worker that is told to stop itself ends its cycle first, then goes.
- Each process is told to stop when its parent dies.

What happens when one of them is killed, and not told: `curation_sdk.supervisor`.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django_q.signals import post_execute_in_worker, post_spawn, pre_execute

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

#: Whether processes whose parent dies become ours; elsewhere they become those of process 1.
ADOPTS_ORPHANS = sys.platform == "linux"

_everybody = multiprocessing.RawValue(ctypes.c_bool, False)
_this_process = False
_busy = False
_parent = 0


def request_stop() -> None:
    """Ask the cycles in this process and in those forked from it to end."""
    _everybody.value = True


def withdraw_stop() -> None:
    """Those that were asked to end have ended; processes forked from now on may work."""
    _everybody.value = False


def stop_requested() -> bool:
    """Has this process been told to stop?"""
    return bool(_everybody.value) or _this_process


def end_together() -> None:
    """Have the processes that django-q2 forks from this one end in good order. To be called before they are."""
    os.register_at_fork(before=_note_parent, after_in_child=_end_with_parent)
    post_spawn.connect(_in_worker, dispatch_uid="curation_sdk.shutdown")
    pre_execute.connect(_task_begins, dispatch_uid="curation_sdk.shutdown")
    post_execute_in_worker.connect(_task_ended, dispatch_uid="curation_sdk.shutdown")


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Within it Ctrl-C or SIGTERM ask for a stop instead of breaking off; the value tells whether one came.

    A second Ctrl-C breaks off. Outside the main thread, where Python lets nobody handle signals, none comes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    asked = False

    def ask(signum: int, frame: Any) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            # None: it was set by other than Python code, and cannot be named.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def adopt_orphans() -> None:
    """Become the parent of processes further down whose parent dies, so that they can be waited for."""
    if ADOPTS_ORPHANS:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _note_parent() -> None:
    global _parent
    _parent = os.getpid()


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != _parent:
            # It died before we could ask to be told.
            os.kill(os.getpid(), signal.SIGTERM)


def _in_worker(**_: Any) -> None:
    signal.signal(signal.SIGTERM, _stop_this_process)


def _stop_this_process(signum: int, frame: Any) -> None:
    global _this_process
    _this_process = True
    if not _busy:
        sys.exit(0)


def _task_begins(**_: Any) -> None:
    global _busy
    _busy = True


def _task_ended(**_: Any) -> None:
    global _busy
    _busy = False
    if _this_process:
        # The task's result is handed over after this; then nobody may be left to tell the worker to end.
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM))
        timer.daemon = True
        timer.start()
