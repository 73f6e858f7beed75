"""Parliament's record -> quotes table: the Hansard API, and the ParlParse project's XML of debates.

``records`` says what a contribution is and how it becomes a row, ``roles`` tells speeches, interventions, questions and
answers apart, ``members`` gives the party on the day, ``parlparse`` and ``api`` read, ``web`` is the polite client.
"""

from stance.hansard.api import read_hansard
from stance.hansard.members import People, read_people
from stance.hansard.parlparse import is_parlparse, read_parlparse, write_parlparse
from stance.hansard.records import RECORD_COLUMNS, own_words

__all__ = [
    "RECORD_COLUMNS",
    "People",
    "is_parlparse",
    "own_words",
    "read_hansard",
    "read_parlparse",
    "read_people",
    "write_parlparse",
]
