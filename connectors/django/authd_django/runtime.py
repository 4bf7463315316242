"""What this process has of all this: made at the first use, and anew after a fork or a change of settings."""

from __future__ import annotations

import os
import threading
from typing import Any

from django.core.signals import setting_changed

from . import conf
from .client import AuthdClient
from .mirror import Mirror
from .verifier import Verifier


class Runtime:
    """A verifier and a mirror, as the settings have them."""

    def __init__(self) -> None:
        self.settings = conf.read()
        self.client = AuthdClient(self.settings)
        self.verifier = Verifier(self.settings, self.client)
        self.mirror = Mirror(self.settings)


_lock = threading.Lock()
_runtime: Runtime | None = None


def runtime() -> Runtime:
    """The one of this process."""
    global _runtime
    found = _runtime
    if found is None:
        with _lock:
            found = _runtime = _runtime or Runtime()
    return found


def stop() -> None:
    """Lets the thread end and the connections go; the next use begins anew."""
    global _runtime
    with _lock:
        found, _runtime = _runtime, None
    if found is not None:
        found.verifier.feed.stop()
        found.client.close()


def _after_fork_in_child() -> None:
    """Threads do not survive a fork, locks may be held by those, and connections are the parent's."""
    global _runtime, _lock
    _lock = threading.Lock()
    _runtime = None


def _when_set(*, setting: str, **_: Any) -> None:
    if setting == "AUTHD":
        stop()


os.register_at_fork(after_in_child=_after_fork_in_child)
setting_changed.connect(_when_set)
