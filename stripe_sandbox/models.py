"""What the sandbox remembers: Stripe's objects, the webhooks on their way, and used keys.

Amounts are whole minor units, times are Unix seconds on the sandbox's clock. No column can hold
a card number or a security code. `seq` orders rows created within one second.
"""

from django.db import models


class Resource(models.Model):
    """What every object of the API has."""

    seq = models.BigAutoField(primary_key=True)
    stripe_id = models.CharField(max_length=80, unique=True)
    created = models.BigIntegerField(db_index=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.stripe_id


class Customer(Resource):
    email = models.CharField(max_length=512, blank=True)
    metadata = models.JSONField(default=dict)
    # name, phone, address and the like, returned as they came
    details = models.JSONField(default=dict)


class PaymentMethod(Resource):
    type = models.CharField(max_length=20, default="card")
    customer = models.ForeignKey(Customer, null=True, on_delete=models.PROTECT)
    behavior = models.CharField(max_length=40)
    brand = models.CharField(max_length=20)
    funding = models.CharField(max_length=10)
    last4 = models.CharField(max_length=4)
    exp_month = models.PositiveSmallIntegerField()
    exp_year = models.PositiveSmallIntegerField()
    holder_name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=512, blank=True)
    # Saved through setup: a card that else asks for 3-D Secure then passes off-session.
    set_up = models.BooleanField(default=False)
    used = models.BooleanField(default=False)
    detached = models.BooleanField(default=False)
    allow_redisplay = models.CharField(max_length=20, default="unspecified")
    metadata = models.JSONField(default=dict)


class PaymentIntent(Resource):
    class Status(models.TextChoices):
        REQUIRES_PAYMENT_METHOD = "requires_payment_method"
        REQUIRES_CONFIRMATION = "requires_confirmation"
        REQUIRES_ACTION = "requires_action"
        PROCESSING = "processing"
        SUCCEEDED = "succeeded"
        CANCELED = "canceled"

    status = models.CharField(
        max_length=30, choices=Status.choices, default=Status.REQUIRES_PAYMENT_METHOD
    )
    amount = models.BigIntegerField()
    amount_received = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.PROTECT)
    payment_method = models.ForeignKey(PaymentMethod, null=True, on_delete=models.PROTECT)
    latest_charge_id = models.CharField(max_length=80, blank=True)
    client_secret = models.CharField(max_length=80)
    cancellation_reason = models.CharField(max_length=30, blank=True)
    canceled_at = models.BigIntegerField(null=True)
    last_payment_error = models.JSONField(null=True)
    return_url = models.TextField(blank=True)
    off_session = models.BooleanField(default=False)
    metadata = models.JSONField(default=dict)
    # description, receipt_email, setup_future_usage and the like, returned as they came
    details = models.JSONField(default=dict)


class SetupIntent(Resource):
    status = models.CharField(max_length=30, default="requires_payment_method")
    customer = models.ForeignKey(Customer, null=True, on_delete=models.PROTECT)
    payment_method = models.ForeignKey(PaymentMethod, null=True, on_delete=models.PROTECT)
    client_secret = models.CharField(max_length=80)
    last_setup_error = models.JSONField(null=True)
    metadata = models.JSONField(default=dict)
    description = models.TextField(blank=True)
    cancellation_reason = models.CharField(max_length=30, blank=True)
    return_url = models.TextField(blank=True)
    # usage, payment_method_types and the like, returned as they came
    details = models.JSONField(default=dict)


class Charge(Resource):
    amount = models.BigIntegerField()
    amount_refunded = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    succeeded = models.BooleanField()
    # Neither succeeded nor failed yet: a wallet that confirms days later.
    pending = models.BooleanField(default=False)
    disputed = models.BooleanField(default=False)
    payment_intent = models.ForeignKey(
        PaymentIntent, on_delete=models.PROTECT, related_name="charges"
    )
    payment_method = models.ForeignKey(PaymentMethod, on_delete=models.PROTECT)
    decline = models.CharField(max_length=40, blank=True)
    three_d_secure = models.BooleanField(default=False)
    balance_transaction_id = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["payment_intent"],
                condition=models.Q(succeeded=True),
                name="charge_one_success_per_intent",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_refunded__lte=models.F("amount")),
                name="charge_refunds_within_amount",
            ),
        )


class Refund(Resource):
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="refunds")
    amount = models.BigIntegerField()
    status = models.CharField(max_length=20, default="succeeded")
    reason = models.CharField(max_length=40, blank=True)
    # The acquirer's reference number arrives after the refund; `refund.updated` tells of it.
    reference_known = models.BooleanField(default=False)
    balance_transaction_id = models.CharField(max_length=80, blank=True)
    failure_reason = models.CharField(max_length=40, blank=True)
    failure_balance_transaction_id = models.CharField(max_length=80, blank=True)
    metadata = models.JSONField(default=dict)


class BalanceTransaction(Resource):
    type = models.CharField(max_length=20)
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    source = models.CharField(max_length=80, db_index=True)
    # its type, where it was left empty
    reporting_category = models.CharField(max_length=40, blank=True)
    description = models.TextField(blank=True)


class Dispute(Resource):
    """A chargeback, or the inquiry that may become one; the ids name the movements of money."""

    class Status(models.TextChoices):
        WARNING_NEEDS_RESPONSE = "warning_needs_response"
        WARNING_UNDER_REVIEW = "warning_under_review"
        WARNING_CLOSED = "warning_closed"
        NEEDS_RESPONSE = "needs_response"
        UNDER_REVIEW = "under_review"
        WON = "won"
        LOST = "lost"

    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="disputes")
    amount = models.BigIntegerField()
    status = models.CharField(max_length=30, choices=Status.choices)
    reason = models.CharField(max_length=40)
    withdrawal_id = models.CharField(max_length=80, blank=True)
    reinstatement_id = models.CharField(max_length=80, blank=True)

    @property
    def is_charge_refundable(self) -> bool:
        """Whether the money is still, or again, with the business."""
        return self.status.startswith("warning_") or self.status == self.Status.WON


class EarlyFraudWarning(Resource):
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="fraud_warnings")
    fraud_type = models.CharField(max_length=40)


class CheckoutSession(Resource):
    class Status(models.TextChoices):
        OPEN = "open"
        COMPLETE = "complete"
        EXPIRED = "expired"

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    mode = models.CharField(max_length=10)
    payment_status = models.CharField(max_length=20)
    amount_total = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.PROTECT)
    payment_intent = models.OneToOneField(PaymentIntent, null=True, on_delete=models.PROTECT)
    setup_intent = models.OneToOneField(SetupIntent, null=True, on_delete=models.PROTECT)
    expires_at = models.BigIntegerField(db_index=True)
    url = models.TextField()
    payment_method_types = models.JSONField()
    line_items = models.JSONField(default=list)
    customer_details = models.JSONField(null=True)
    metadata = models.JSONField(default=dict)
    # the checked parameters of its creation
    params = models.JSONField()


class Event(Resource):
    type = models.CharField(max_length=80, db_index=True)
    # the bytes that are signed and sent, as text
    body = models.TextField()


class Delivery(models.Model):
    """One event on its way to one endpoint, with what a test control does to it."""

    class Status(models.TextChoices):
        HELD = "held"
        PENDING = "pending"
        SENDING = "sending"
        DELIVERED = "delivered"
        FAILED = "failed"
        DROPPED = "dropped"

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    url = models.TextField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    # wall-clock seconds, so that moving the sandbox's clock sends nothing early
    due_at = models.FloatField(db_index=True)
    tampering = models.CharField(max_length=20, blank=True)
    # [{"at", "status_code", "error"}], newest last
    attempts = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.event_id} to {self.url}"


class Appointment(models.Model):
    """What will happen by itself to an object at a time on the sandbox's clock."""

    kind = models.CharField(max_length=30)
    target = models.CharField(max_length=80, db_index=True)
    due_at = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} of {self.target}"


class IdempotencyKey(models.Model):
    """A used key with the answer it got; `status_code` is null while the request runs."""

    key = models.CharField(max_length=255, unique=True)
    created = models.BigIntegerField(db_index=True)
    path = models.TextField()
    fingerprint = models.CharField(max_length=64)
    request_id = models.CharField(max_length=40)
    status_code = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.key
