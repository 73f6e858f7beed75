"""Agency copy in ten papers is one story, and one sentence of a minister in ten papers is one statement.

Candidates share runs of words. A text's runs are hashed and a fixed quarter of the hashes kept (the sketch of Broder
1997, "On the resemblance and containment of documents"), which finds a text that is contained in a longer one too. A
candidate counts if the longest common subsequence of the two texts' words (rapidfuzz) makes up most of the shorter.
"""

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from rapidfuzz import fuzz
from rapidfuzz.distance import LCSseq
from tqdm.auto import tqdm

from stance.articles import Article
from stance.errors import InputError
from stance.quotes import left_out

RUN = 5  # words
KEPT = 4  # one hash in so many
FEWEST_WORDS = 4  # of a quote that can be told to be the same statement as a longer one
DUPLICATE_COLUMNS = ("source", "copy_of", "similarity", "publisher", "date")
_WORD = re.compile(r"\w+")


def _sketch(words: Sequence[str], run: int, kept: int) -> set[int]:
    """Hashes of the runs of words, the same on every machine."""
    hashes = (zlib.crc32(" ".join(words[i : i + run]).encode()) for i in range(max(1, len(words) - run + 1)))
    return {value for value in hashes if value % kept == 0}


def find_duplicates(articles: Iterable[Article], *, similarity: float = 0.7, progress: bool = True) -> pd.DataFrame:
    """Articles that repeat another: the same story with its end cut, its order kept, a headline or a few words changed.

    Each group is gathered round its longest article, which is kept; the outcome does not depend on the order given.

    Args:
        similarity: the share of the shorter text's words that must stand in the longer one, in their order; in (0, 1].
        progress: a bar, once it has taken two seconds.

    Returns:
        One row an article that repeats another: source, copy_of (the other's source), similarity, publisher, date.

    Raises:
        InputError: a similarity out of (0, 1].

    >>> stance.find_duplicates(articles)[["source", "copy_of", "similarity"]].head(1)    # doctest: +SKIP
                    source              copy_of  similarity
    0  https://b.example/1  https://a.example/1        0.97
    """
    if not 0 < similarity <= 1:
        raise InputError(f"similarity={similarity!r} is not in (0, 1]")
    several = sorted(articles, key=lambda a: (-len(a.text), a.date is None, str(a.date), a.source))
    kept: list[tuple[Article, list[str]]] = []
    index: defaultdict[int, list[int]] = defaultdict(list)
    rows = []
    for article in tqdm(several, desc="comparing", unit=" articles", delay=2, disable=not progress):
        words = _WORD.findall(article.text.casefold())
        sketch = _sketch(words, RUN, KEPT)
        shared = Counter(number for value in sketch for number in index.get(value, ()))
        best, share = None, 0.0
        for number, count in shared.most_common(20):
            # A text of which one word in ten is changed still shares half its runs of five words.
            if count < max(1, 0.08 * len(sketch)):
                break
            same = LCSseq.similarity(words, kept[number][1]) / max(1, len(words))
            if same > share:
                best, share = number, same
        if best is not None and share >= similarity:
            rows.append((article.source, kept[best][0].source, round(share, 3), article.publisher, article.date))
            continue
        for value in sketch:
            index[value].append(len(kept))
        kept.append((article, words))
    return pd.DataFrame(rows, columns=list(DUPLICATE_COLUMNS))


def drop_duplicates(
    articles: Iterable[Article], *, similarity: float = 0.7, progress: bool = True
) -> tuple[list[Article], list[dict[str, Any]]]:
    """The articles in their order, each story once, and the ledger's rows of those left out."""
    several = list(articles)
    table = find_duplicates(several, similarity=similarity, progress=progress)
    copies = {row["source"]: row for row in table.to_dict("records")}
    notes = [
        left_out("reading", f"the same story as {copies[a.source]['copy_of']}", source=a.source,
                 where=f"similarity {copies[a.source]['similarity']:.2f}", of=len(several))
        for a in several if a.source in copies
    ]  # fmt: skip
    return [a for a in several if a.source not in copies], notes


def link_statements(quotes: pd.DataFrame, *, similarity: float = 90.0) -> pd.DataFrame:
    """Adds ``statement_id``: the same words of the same speaker, in several papers, have the same one.

    It is the ``quote_id`` of the longest version. A paper that quotes a part is linked too, if the part has four words
    or more. A quote whose speaker is open is linked to the same words of a named speaker. To count each statement once:
    ``quotes.drop_duplicates("statement_id")``.

    Args:
        quotes: a quotes table; not changed.
        similarity: of the shorter quote to the best fitting part of the longer, 0 to 100 (rapidfuzz's partial_ratio).

    >>> stance.link_statements(quotes)["statement_id"].nunique()    # doctest: +SKIP
    311
    """
    out = quotes.copy()
    out.attrs = dict(quotes.attrs)
    texts = [" ".join(_WORD.findall(str(text).casefold())) for text in out["text"]]
    named = [None if pd.isna(name) else str(name) for name in out["speaker"]]
    ids = out["quote_id"].astype("str").tolist()
    order = sorted(range(len(out)), key=lambda i: (-len(texts[i]), named[i] is None, ids[i]))
    index: defaultdict[int, list[int]] = defaultdict(list)
    of = list(ids)
    for i in order:
        words = texts[i].split()
        sketch = _sketch(words, 3, 1)
        linked = False
        if len(words) >= FEWEST_WORDS:
            shared = Counter(j for value in sketch for j in index.get(value, ()))
            for j, count in shared.most_common(50):
                if count < 0.3 * len(sketch):
                    break
                same_voice = named[i] == named[j] or named[i] is None or named[j] is None
                if same_voice and fuzz.partial_ratio(texts[i], texts[j]) >= similarity:
                    of[i], linked = ids[j], True
                    break
        if not linked:
            for value in sketch:
                index[value].append(i)
    out["statement_id"] = pd.Series(of, index=out.index).astype("str")
    return out
