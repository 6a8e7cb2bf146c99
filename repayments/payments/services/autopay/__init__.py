"""Automatic payment: a mandate for one loan and card, charges announced, then made.

One module an action. A mandate begins with the borrower's consent alone and ends at their word at
any moment; no plan or contract asks for one. A charge is announced, claimed by one worker, made
with no transaction open, and recorded by ``settle``.
"""
