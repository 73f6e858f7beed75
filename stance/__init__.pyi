from .articles import Article as Article
from .articles import read_article as read_article
from .articles import sample_article as sample_article
from .attribution import apply_review as apply_review
from .attribution import extract_quotes as extract_quotes
from .attribution import load_attribution_model as load_attribution_model
from .attribution import write_review as write_review
from .codebook import Codebook as Codebook
from .codebook import Facet as Facet
from .codebook import Frame as Frame
from .codebook import Lock as Lock
from .codebook import load_codebook as load_codebook
from .codebook import lock as lock
from .codebook import read_lock as read_lock
from .comparison import Comparison as Comparison
from .comparison import compare as compare
from .comparison.planning import plan_codes as plan_codes
from .comparison.record import PressRecord as PressRecord
from .comparison.record import press_against_record as press_against_record
from .entailment import EntailmentModel as EntailmentModel
from .entailment import load_model as load_model
from .errors import (
    CodebookError as CodebookError,
)
from .errors import (
    InputError as InputError,
)
from .errors import (
    MissingExtraError as MissingExtraError,
)
from .errors import (
    ModelError as ModelError,
)
from .errors import (
    NetworkError as NetworkError,
)
from .errors import (
    ReadError as ReadError,
)
from .errors import (
    StanceError as StanceError,
)
from .errors import (
    TableError as TableError,
)
from .errors import (
    WriteError as WriteError,
)
from .explanation import Explanation as Explanation
from .explanation import explain as explain
from .hansard import People as People
from .hansard import own_words as own_words
from .hansard import read_hansard as read_hansard
from .hansard import read_parlparse as read_parlparse
from .hansard import read_people as read_people
from .hansard import write_parlparse as write_parlparse
from .head import StanceScorer as StanceScorer
from .people import Roster as Roster
from .people import add_parties as add_parties
from .people import party_of as party_of
from .people import roster as roster
from .people import update_roster as update_roster
from .plotting import (
    plot_attribution as plot_attribution,
)
from .plotting import (
    plot_calibration as plot_calibration,
)
from .plotting import (
    plot_comparison as plot_comparison,
)
from .plotting import (
    plot_multiverse as plot_multiverse,
)
from .plotting import (
    plot_plane as plot_plane,
)
from .plotting import (
    plot_quotes as plot_quotes,
)
from .plotting import (
    plot_reliability as plot_reliability,
)
from .plotting import (
    plot_timeline as plot_timeline,
)
from .plotting import (
    plot_words as plot_words,
)
from .plotting import (
    style as style,
)
from .press import find_duplicates as find_duplicates
from .press import gather as gather
from .press import link_statements as link_statements
from .press import read_press as read_press
from .quotes import (
    as_quotes as as_quotes,
)
from .quotes import (
    ledger as ledger,
)
from .quotes import (
    read_quotes as read_quotes,
)
from .quotes import (
    read_table as read_table,
)
from .quotes import (
    write_table as write_table,
)
from .reporting import Verification as Verification
from .reporting import report as report
from .reporting import verify as verify
from .robustness.cues import audit_party_cues as audit_party_cues
from .robustness.multiverse import multiverse as multiverse
from .robustness.result import Multiverse as Multiverse
from .scoring import Entailed as Entailed
from .scoring import entail as entail
from .scoring import score as score
from .streams import ScoreFolder as ScoreFolder
from .streams import score_stream as score_stream
from .validation.accuracy import Thresholds as Thresholds
from .validation.accuracy import choose_threshold as choose_threshold
from .validation.accuracy import validate as validate
from .validation.agreement import reliability as reliability
from .validation.result import Validation as Validation
from .validation.sampling import sample_for_coding as sample_for_coding
from .validation.sheets import read_codes as read_codes
from .validation.sheets import write_codesheet as write_codesheet
from .validation.teaching import teaching_corpus as teaching_corpus
from .widgets import code as code
from .widgets import explore as explore
from .words import words as words

__all__ = [
    "Article",
    "Codebook",
    "CodebookError",
    "Comparison",
    "Entailed",
    "EntailmentModel",
    "Explanation",
    "Facet",
    "Frame",
    "InputError",
    "Lock",
    "MissingExtraError",
    "ModelError",
    "Multiverse",
    "NetworkError",
    "People",
    "PressRecord",
    "ReadError",
    "Roster",
    "ScoreFolder",
    "StanceError",
    "StanceScorer",
    "TableError",
    "Thresholds",
    "Validation",
    "Verification",
    "WriteError",
    "add_parties",
    "apply_review",
    "as_quotes",
    "audit_party_cues",
    "choose_threshold",
    "code",
    "compare",
    "entail",
    "explain",
    "explore",
    "extract_quotes",
    "find_duplicates",
    "gather",
    "ledger",
    "link_statements",
    "load_attribution_model",
    "load_codebook",
    "load_model",
    "lock",
    "multiverse",
    "own_words",
    "party_of",
    "plan_codes",
    "plot_attribution",
    "plot_calibration",
    "plot_comparison",
    "plot_multiverse",
    "plot_plane",
    "plot_quotes",
    "plot_reliability",
    "plot_timeline",
    "plot_words",
    "press_against_record",
    "read_article",
    "read_codes",
    "read_hansard",
    "read_lock",
    "read_parlparse",
    "read_people",
    "read_press",
    "read_quotes",
    "read_table",
    "reliability",
    "report",
    "roster",
    "sample_article",
    "sample_for_coding",
    "score",
    "score_stream",
    "style",
    "teaching_corpus",
    "update_roster",
    "validate",
    "verify",
    "words",
    "write_codesheet",
    "write_parlparse",
    "write_review",
    "write_table",
]
