"""Articles in British style, with fictional people: written before any system was run on them (see tests/british.py).

Articles marked ``held_out`` were never looked at while rules were tuned; run with ``-s`` to see the figures of both.
"""

import stance
from stance.attribution import speakers
from stance.attribution.marks import Mark
from tests.british import stories


def named_right(only_held_out=False):
    """Speakers from the gold words that name them: by kind of word, [right, all]."""
    counts: dict[str, list[int]] = {}
    for story in stories():
        if only_held_out and not story.held_out:
            continue
        text = story.article.text
        marks = [
            Mark(g.content, source=(g.source,), kind="direct" if text[g.content[0][0] - 1] in "“‘\"'" else "indirect")
            for g in story.gold
        ]
        for gold, found in zip(story.gold, speakers.resolve(story.article, marks, story.people), strict=True):
            count = counts.setdefault(gold.how, [0, 0])
            count[0] += found.name == gold.speaker and found.type == gold.type
            count[1] += 1
    return counts


def share(counts, *kinds):
    right, whole = (sum(counts[kind][i] for kind in kinds or counts) for i in (0, 1))
    return right / whole


def test_the_set_is_what_it_says():
    assert len(stories()) >= 25
    assert sum(story.held_out for story in stories()) == 12
    for story in stories():
        assert 80 <= len(story.article.text.split()) <= 250
        assert not set(story.people.full_names) & set(stance.roster().full_names), "a real politician's name"


def test_words_that_name_a_source_are_understood():
    for name, held_out in (("all", False), ("held out", True)):
        counts = named_right(held_out)
        pronouns_and_roles = share(counts, "pronoun", "role")
        print(f"\nspeaker from the gold source, {name}: {share(counts):.3f} of {sum(n for _, n in counts.values())}; "
              f"pronouns and roles {pronouns_and_roles:.3f}; {counts}")  # fmt: skip
        assert share(counts) >= 0.90
        assert pronouns_and_roles >= 0.85


def of_story(story, table):
    """For each gold quote the row that overlaps it most (Jaccard of characters, at least a half), or None."""
    rows = [{i for start, end in spans for i in range(start, end)} for spans in table["spans"]]
    free = set(range(len(rows)))
    out = []
    for gold in story.gold:
        wanted = {i for start, end in gold.content for i in range(start, end)}
        scored = [(len(rows[k] & wanted) / len(rows[k] | wanted), k) for k in free]
        best, k = max(scored, default=(0.0, -1))
        out.append(table.iloc[k] if best >= 0.5 else None)
        free.discard(k if best >= 0.5 else -1)
    return out


def test_quotes_and_their_speakers():
    """End to end: found, with the right speaker, type and party."""
    for name, held_out in (("all", False), ("held out", True)):
        found = right = party = whole = hard = hard_right = rows = 0
        for story in stories():
            if held_out and not story.held_out:
                continue
            table = stance.extract_quotes(story.article, people=story.people)
            rows += len(table)
            for gold, row in zip(story.gold, of_story(story, table), strict=True):
                whole += 1
                hard += gold.how in {"pronoun", "role"}
                if row is None:
                    continue
                found += 1
                speaker = row["speaker"] if isinstance(row["speaker"], str) else None
                good = speaker == gold.speaker and row["speaker_type"] == gold.type
                right += good
                hard_right += good and gold.how in {"pronoun", "role"}
                party += good and (row["party"] if isinstance(row["party"], str) else None) == gold.party
        print(f"\nend to end, {name}: {whole} gold quotes, {rows} found; recall {found / whole:.3f}; attributed "
              f"{right / whole:.3f} (precision {right / rows:.3f}); with party {party / whole:.3f}; "
              f"pronouns and roles {hard_right / hard:.3f}")  # fmt: skip
        assert right / whole >= 0.90
        assert hard_right / hard >= 0.85
