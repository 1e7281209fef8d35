"""How often an API key may call: a bucket of requests per key, which fills up again evenly.

The buckets are this process's own: behind several market processes a key may call each of them so often. Only keys that
are good have one, and no more than so many are remembered, so a flood of invented keys costs no memory.

Source of the headers: the IETF draft "RateLimit header fields for HTTP" (draft-ietf-httpapi-ratelimit-headers).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

from common.clock import RealClock
from common.errors import Busy

_POLICY = "key"
_CAPACITY = 10_000


@dataclass(slots=True)
class Bucket:
    """Requests that a key may make at once; `filled_at` is when that was true, in real seconds."""

    requests: float
    filled_at: float


class RateLimiter:
    """`quota` requests within `window_seconds` for each key, in one burst or evenly."""

    def __init__(self, real: RealClock, quota: int, window_seconds: int) -> None:
        self._real = real
        self._quota = quota
        self._per_second = quota / window_seconds
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self.policy = f'"{_POLICY}";q={quota};w={window_seconds}'.encode()

    def bucket(self, key: str) -> Bucket:
        """The key's bucket, as full as it is now."""
        now = self._real.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _CAPACITY:
                self._buckets.popitem(last=False)
            bucket = self._buckets[key] = Bucket(self._quota, now)
            return bucket
        self._buckets.move_to_end(key)
        bucket.requests = min(self._quota, bucket.requests + (now - bucket.filled_at) * self._per_second)
        bucket.filled_at = now
        return bucket

    def take(self, bucket: Bucket) -> None:
        """Count a request. Raises Busy (`too_many_requests`), which counts nothing."""
        if bucket.requests < 1:
            wait = ceil((1 - bucket.requests) / self._per_second)
            message = f"this key has made its {self._quota} requests; wait {wait} s"
            raise Busy("too_many_requests", message, retry_after_seconds=wait, limit=self._quota)
        bucket.requests -= 1

    def told(self, bucket: Bucket) -> bytes:
        """The value of `RateLimit`: what is left, and in how many seconds all of it is back."""
        left = int(bucket.requests)
        return b'"%b";r=%d;t=%d' % (_POLICY.encode(), left, ceil((self._quota - bucket.requests) / self._per_second))
