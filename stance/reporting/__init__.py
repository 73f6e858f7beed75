"""Reports: the analysis notebook run on a user's quotes, as one self-contained page; and an old report verified.

run.py      runs notebooks/02 by papermill, collects its tables and pictures
page.py     the page, from the notebook's cells and the tables
summary.py  the result in plain words, and the list of what was done
write.py    the report's folder
verify.py   runs an old report again and compares every number
"""

from stance.reporting.run import keep_results
from stance.reporting.verify import Verification, verify
from stance.reporting.write import report

__all__ = ["Verification", "keep_results", "report", "verify"]
