"""A thread that hears from authd what ended."""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import Final

from .answers import Page
from .client import AuthdClient, Gone, Refused
from .conf import Settings
from .errors import Unavailable
from .keys import KeySet
from .verdicts import Verdicts

logger = logging.getLogger("authd_django")

#: Seconds between two tries at most.
LONGEST_PAUSE: Final = 5.0


class Feed:
    """What ended, page by page; it says for how long it has heard nothing."""

    def __init__(self, client: AuthdClient, verdicts: Verdicts, keys: KeySet, settings: Settings) -> None:
        self._client, self._verdicts, self._keys = client, verdicts, keys
        self._max_silence = settings.max_silence
        # Three answers could come in the time for which silence is borne.
        self._wait = max(1.0, settings.max_silence / 3)
        self._cursor: int | None = None
        self._heard_at = float("-inf")
        #: By the clock on the wall, which goes on while a machine sleeps: when that was asked for, and what comes next.
        self._asked_at = self._asking_at = float("-inf")
        self._failures = 0
        self._stopped = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def is_fresh(self) -> bool:
        """Whether what has ended is known by now, give or take the silence that is borne."""
        has_slept = time.time() - self._asked_at > self._max_silence + self._wait + 1.0
        return time.monotonic() - self._heard_at < self._max_silence and not has_slept

    def ensure_running(self) -> None:
        """Starts the thread, once in a process."""
        if self._thread is None:
            with self._start:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="authd-revocations", daemon=True)
                    self._thread.start()

    def stop(self) -> None:
        """Lets the thread end after the answer that it waits for."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._stopped.wait(self.step())

    def step(self) -> float:
        """Hears one page, and says for how many seconds to pause."""
        self._asking_at = time.time()
        try:
            self._hear()
        except Gone as gone:
            self._begin_at(gone.cursor)
        except (Unavailable, Refused) as trouble:
            return self._pause(trouble)
        except Exception:
            # The thread is to outlive whatever this may be; until it hears something, nobody trusts it.
            logger.exception("the revocations of authd could not be followed")
            return self._pause(None)
        self._failures = 0
        return 0.0

    def _hear(self) -> None:
        page = self._client.revocations(self._cursor, self._wait)
        if self._cursor is None:
            self._begin_at(page.cursor)
        else:
            self._take(page)

    def _begin_at(self, cursor: int) -> None:
        self._verdicts.begin_again()
        self._keys.forget()
        self._cursor = cursor
        self._beat()

    def _take(self, page: Page) -> None:
        self._verdicts.note(page.changes)
        if any(change.kind == "key" for change in page.changes):
            self._keys.forget()
        self._cursor = page.cursor
        if not page.more:
            self._beat()

    def _beat(self) -> None:
        self._heard_at, self._asked_at = time.monotonic(), self._asking_at

    def _pause(self, trouble: Exception | None) -> float:
        if isinstance(trouble, Refused) and self._failures == 0:
            logger.error("authd does not tell this client what ended (%s): check CLIENT_ID and CLIENT_SECRET", trouble)
        self._failures += 1
        longest = min(LONGEST_PAUSE, 0.2 * 2 ** min(self._failures, 10))
        # Not all processes of a service at the same moment. No secret hangs on it.
        return random.uniform(longest / 2, longest)  # noqa: S311
