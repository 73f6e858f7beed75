"""The press in bulk: folders, lists of addresses, feeds and JSONL -> articles -> quotes, each story counted once.

``reading`` finds and reads the articles, ``duplicates`` finds agency copy and the same words in several papers,
``gather`` does all of it, with Parliament's record among the inputs.
"""

from stance.press.duplicates import drop_duplicates, find_duplicates, link_statements
from stance.press.gather import gather
from stance.press.reading import read_press

__all__ = ["drop_duplicates", "find_duplicates", "gather", "link_statements", "read_press"]
