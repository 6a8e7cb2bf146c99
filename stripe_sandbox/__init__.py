"""A small payment gateway that behaves as Stripe documents, for development and tests.

It speaks API version `2026-10-28.endive`: customers and their saved cards, PaymentIntents and
SetupIntents, Checkout Sessions with a hosted page for cards, Alipay and WeChat Pay, charges,
refunds, disputes, balance transactions, events and signed webhooks. It refuses what Stripe
refuses and never bends to its client. What tests can make happen stands atop `controls`. What
Stripe knows and this sandbox does not model is refused aloud (`sandbox_not_modeled`), never
silently ignored. It is a site of its own with its own settings, database and process, and knows
nothing of the portal; the portal knows nothing of it.

    python -m stripe_sandbox --port 12111 \
        --webhook-url http://127.0.0.1:8000/payments/webhook/ --webhook-secret whsec_dev

No card number or security code is ever stored: a payment method keeps brand, last four digits,
expiry and the name of the test card's behavior.
"""
