"""Every place where the running product keeps something, searched for card data."""

from collections.abc import Callable, Iterator

import redis

from tests.card_data import Finding, find_in_bytes, find_in_database, find_in_files
from tests.live.stack import Stack


def find_card_data(stack: Stack) -> list[Finding]:
    """Search database, logs, messages to workers and files.

    The sandbox's own files lie elsewhere: it stands for the gateway, which may know cards.
    """
    found = find_in_database(stack.environment["DATABASE_URL"])
    for pattern in ("*.log", "broker/*/*", "blobs/*/*"):
        found += find_in_files(path for path in stack.folder.glob(pattern) if path.is_file())
    if url := stack.environment.get("REDIS_URL", ""):
        for key, value in _redis_values(url, stack.environment["REDIS_KEY_PREFIX"]):
            found += find_in_bytes(value, key)
    return found


def _redis_values(url: str, prefix: str) -> Iterator[tuple[str, bytes]]:
    """What lies under a stack's own keys; another kind than these would be news to this search."""
    with redis.Redis.from_url(url) as client:
        readers: dict[bytes, Callable[[bytes], list[bytes]]] = {
            b"string": lambda key: [client.get(key) or b""],
            b"list": lambda key: client.lrange(key, 0, -1),
            b"hash": lambda key: list(client.hgetall(key).values()),
            b"set": lambda key: list(client.smembers(key)),
            b"zset": lambda key: client.zrange(key, 0, -1),
        }
        for pattern in (f"{prefix}*", f":1:{prefix}*"):
            for key in client.scan_iter(pattern, count=1000):
                kind = client.type(key)
                # Gone between the two calls.
                if kind != b"none":
                    for value in readers[kind](key):
                        yield key.decode(), value
