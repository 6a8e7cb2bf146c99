"""The lender's business; a nested Django app for each domain, low to high.

- ``money``, ``dates``: pure arithmetic of amounts and calendars, without Django.
- ``fields``, ``clock``: how an amount stands in a row; what day it is for the lender.
- ``audit``: who did what to what; append-only, chained by hashes.
- ``ledger``: the double-entry book of each loan; entries are posted, never edited.
- ``contacts``: messages, holds and the one gate every contact passes.
- ``loans``: loans, schedules, installments, charges, allocation; the nightly close.
- ``contracts``: what is signed, how it is sealed and verified.
- ``plans``: installment plans, proposed by a borrower or by staff.
- ``payments``: money in and back, the gateway, mandates, disputes.
- ``reminders``: which installment gets which message on which day.
- ``risk``: features, scores and the strategy drawn from them.
- ``cases``: the work of staff and agencies on what stays unresolved.

A domain depends on those above it in this list only; ``reminders`` and ``risk`` know nothing of
each other. This module runs on every import and holds no code.
"""
