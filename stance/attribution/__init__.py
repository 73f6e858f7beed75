"""Finds quotes in an article and their speakers.

article -> marks (content, cue and source of each quote) -> speakers -> quotes table.
"""

from stance.attribution.extract import extract_quotes as extract_quotes
