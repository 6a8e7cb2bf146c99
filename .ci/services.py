"""Asks whether PostgreSQL and Redis answer, and drops the databases that a run of CI made."""

import sys

import psycopg
import redis
from psycopg import sql


def drop(server: str, name: str) -> None:
    """Drop every database whose name contains this run's own."""
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE position(%s in datname) > 0", (name,)
        ).fetchall()
        for (database,) in rows:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(database)))


def main() -> int:
    match sys.argv[1:]:
        case ["postgresql", server]:
            try:
                psycopg.connect(f"{server}/postgres", connect_timeout=3).close()
            except psycopg.OperationalError:
                return 1
        case ["redis", url]:
            try:
                redis.Redis.from_url(url, socket_connect_timeout=3).ping()
            except redis.RedisError:
                return 1
        case ["drop", server, name]:
            drop(server, name)
        case _:
            raise SystemExit("usage: services.py postgresql URL | redis URL | drop URL NAME")
    return 0


if __name__ == "__main__":
    sys.exit(main())
