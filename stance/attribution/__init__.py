"""Finds quotes in an article and their speakers.

article -> marks (content, cue and source of each quote) -> speakers -> quotes table.
"""

from stance.attribution.extract import extract_quotes as extract_quotes
from stance.attribution.model import load_attribution_model as load_attribution_model
from stance.attribution.review import apply_review as apply_review
from stance.attribution.review import review_sheet as review_sheet
from stance.attribution.review import write_review as write_review
