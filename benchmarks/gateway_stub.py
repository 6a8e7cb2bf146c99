"""``python -m benchmarks.gateway_stub PORT``: answers what a PaymentIntent is, and nothing else.

An id carries its facts (``pi_<payment>_<loan>_<amount>``), so the stub keeps no state and costs
next to nothing: what is measured is the portal. How the gateway truly behaves is the sandbox's to
show, not this one's.
"""

import asyncio
import json
import sys
import time
import uuid
from typing import Any


def intent_id(payment: uuid.UUID, loan: uuid.UUID, amount: int) -> str:
    return f"pi_{payment.hex}_{loan.hex}_{amount}"


def intent(name: str) -> dict[str, Any]:
    """The PaymentIntent that an id stands for, paid."""
    _prefix, payment, loan, amount = name.split("_")
    created = int(time.time())
    whose = {"payment": str(uuid.UUID(payment)), "loan": str(uuid.UUID(loan))}
    return {
        "id": name,
        "object": "payment_intent",
        "status": "succeeded",
        "amount": int(amount),
        "amount_received": int(amount),
        "currency": "cny",
        "created": created,
        "metadata": whose,
        "last_payment_error": None,
        "payment_method": None,
        "customer": None,
        "latest_charge": {
            "id": f"ch_{payment}",
            "object": "charge",
            "created": created,
            "payment_method_details": {"type": "card"},
        },
    }


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = head.split(" ", 2)[1].split("?")[0]
            body = json.dumps(intent(path.rsplit("/", 1)[1])).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Request-Id: req_stub\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve(port: int) -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
