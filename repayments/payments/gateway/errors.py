"""What a call to the gateway can end in, and whether it may have taken effect."""


class GatewayError(Exception):
    """A call that did not bring the answer asked for.

    Attributes: code of the gateway, empty if it gave none; request_id for its support.
    """

    def __init__(self, message: str, *, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


class GatewayTimeout(GatewayError):
    """No answer, or one of its own failures: whether the call took effect is not known."""


class GatewayBusy(GatewayError):
    """Too many calls, or the same key is being worked on this moment; try again with it."""


class GatewayRefused(GatewayError):
    """The gateway understood and said no; nothing was created."""


class GatewayDeclined(GatewayRefused):
    """The card was declined. ``intent_id`` is the PaymentIntent that says why."""

    def __init__(
        self, message: str, *, code: str = "", request_id: str = "", intent_id: str = ""
    ) -> None:
        super().__init__(message, code=code, request_id=request_id)
        self.intent_id = intent_id


class GatewayMissing(GatewayRefused):
    """The gateway has no such object."""


class GatewayMisconfigured(GatewayRefused):
    """The key is wrong, lacks a permission, or does not fit the address: a job for an operator."""


class UnverifiedEvent(Exception):
    """A webhook that is not provably the gateway's, or not an event; nothing may be kept of it."""


class OtherMode(UnverifiedEvent):
    """A genuine event of the test mode at a live portal, or the other way round."""
