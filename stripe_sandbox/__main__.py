"""`python -m stripe_sandbox`: reads options, migrates its database, serves until SIGTERM."""

import argparse
import os
import socket
from collections.abc import Sequence


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Options, each with its environment variable as default."""
    parser = argparse.ArgumentParser(prog="python -m stripe_sandbox", description=__doc__)
    parser.add_argument("--host", default=os.environ.get("SANDBOX_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("SANDBOX_PORT", "12111")))
    parser.add_argument(
        "--webhook-url", action="append", help="SANDBOX_WEBHOOK_URL (comma-separated); repeatable"
    )
    parser.add_argument(
        "--webhook-secret",
        action="append",
        help="SANDBOX_WEBHOOK_SECRETS (comma-separated); each one signs; repeatable",
    )
    parser.add_argument("--database", help="SANDBOX_DATABASE; default var/stripe_sandbox.sqlite3")
    return parser.parse_args(arguments)


def refuse_taken_port(host: str, port: int) -> None:
    """Say so at once; gunicorn would try for five seconds. Raises: SystemExit."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SystemExit(f"Cannot listen on {host}:{port}: {error.strerror}.") from error


def main(arguments: Sequence[str] | None = None) -> None:
    """Start the sandbox; returns when it is told to stop."""
    options = parse(arguments)
    refuse_taken_port(options.host, options.port)
    os.environ["DJANGO_SETTINGS_MODULE"] = "stripe_sandbox.settings"
    if options.webhook_url:
        os.environ["SANDBOX_WEBHOOK_URL"] = ",".join(options.webhook_url)
    if options.webhook_secret:
        os.environ["SANDBOX_WEBHOOK_SECRETS"] = ",".join(options.webhook_secret)
    if options.database:
        os.environ["SANDBOX_DATABASE"] = options.database

    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    settings.DATABASE_PATH.parent.mkdir(parents=True, exist_ok=True)
    call_command("migrate", verbosity=0, interactive=False)

    from stripe_sandbox import idempotency
    from stripe_sandbox.server import SandboxServer

    idempotency.release_abandoned()
    # A connection must not cross the fork.
    connections.close_all()
    print(f"Stripe sandbox on http://{options.host}:{options.port}", flush=True)
    SandboxServer(options.host, options.port).run()


if __name__ == "__main__":
    main()
