"""What passes between the finding of a quote and the naming of its speaker."""

from dataclasses import dataclass

Span = tuple[int, int]


@dataclass(frozen=True)
class Mark:
    """A quote as marked in the text, before anybody knows who its source is. Spans are half-open character ranges.

    Attributes:
        content: what was said; several spans where the quote is split ("…", he said, "…"), in the order of the text.
        cue: the reporting words ("said", "according to"), or None.
        source: the words that name who said it ("Ms Finch", "she", "the home secretary"); the nearest first; may be
            empty.
        kind: "direct", "indirect", "mixed" or "speech".
        confidence: in [0, 1], that this is a quote.
        link_confidence: in [0, 1], that the source belongs to this quote.
        reason: why there is no source, where there is none.
    """

    content: tuple[Span, ...]
    cue: Span | None = None
    source: tuple[Span, ...] = ()
    kind: str = "direct"
    confidence: float = 1.0
    link_confidence: float = 1.0
    reason: str = "no reporting clause found"


@dataclass(frozen=True)
class Speaker:
    """Who a quote's source words mean.

    Attributes:
        name: the canonical name, or None where it stays open.
        type: "person", "organisation", "unnamed" or None.
        confidence: in [0, 1], that these words mean this speaker.
        reason: why the name stays open, for the ledger; empty where it does not.
    """

    name: str | None = None
    type: str | None = None
    confidence: float = 0.0
    reason: str = ""
