"""The loan tape: a lender's CSV of borrowers and loans, taken in whole or not at all.

``reading`` makes rows of a file, ``checking`` values of cells, ``schedules`` installments of terms;
``existing`` and ``people`` compare with what is here, ``writing`` stores in bulk, ``importing`` is
the whole. What is wrong is a ``Fault`` of a line and a column; the room above decides how it looks.
"""

from repayments.loans.tape.faults import Fault, Faults
from repayments.loans.tape.importing import Report, TapeCollides, import_tape

__all__ = ["Fault", "Faults", "Report", "TapeCollides", "import_tape"]
