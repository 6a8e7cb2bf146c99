"""The ways in: the borrower's help pages; the staff's queue and case page."""

from repayments.cases.views.case import act_on_case, case_page
from repayments.cases.views.help import help_index, help_page
from repayments.cases.views.queue import queue

__all__ = ["act_on_case", "case_page", "help_index", "help_page", "queue"]
