from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tqdm.auto import tqdm

import stance
from stance.articles import Article
from stance.attribution import extract_quotes
from stance.attribution.typography import find_segments
from stance.errors import InputError


def quotes_of(text, date="2024-09-06"):
    return extract_quotes(Article(text, "t", date=date))


def said(text):
    table = quotes_of(text)
    speakers = table["speaker"].astype(object).where(table["speaker"].notna(), None)
    return list(zip(speakers, table["text"], strict=True))


def test_the_sample_article():
    table = extract_quotes(stance.sample_article())
    direct = table[table["kind"] == "direct"]
    assert list(zip(direct["speaker"], direct["party"], direct["text"].str[:12], strict=True)) == [
        ("Yvette Cooper", "Labour", "However, the"),
        ("Yvette Cooper", "Labour", "These crimin"),
        ("Robert Jenrick", "Conservative", "Today, Yvett"),
    ]
    assert "surrendering to the smuggling gangs" in " ".join(table.loc[table["speaker"] == "Robert Jenrick", "text"])


CASES = [
    ("“We will act,” said Ada Finch, “and soon.”", [("Ada Finch", "We will act, and soon.")]),
    ("Ada Finch said: ‘We can’t go on.’", [("Ada Finch", "We can’t go on.")]),
    ("Ada Finch said 'the gangs' boats are sinking'.", [("Ada Finch", "the gangs' boats are sinking")]),
    ('"It is time," Ada Finch told the Northby Mail.', [("Ada Finch", "It is time,")]),
    (
        "According to Ada Finch, the plan is “dead in the water”.",
        [("Ada Finch", "the plan is “dead in the water”")],
    ),
    ("“He told me ‘never again’ and left,” said Ada Finch.", [("Ada Finch", "He told me ‘never again’ and left,")]),
    ("Ms Ada Finch spoke first. “It is time,” she said.", [("Ada Finch", "It is time,")]),
    ("Ada Finch, the leader, and Bo Reed met. Reed said: “No more of this.”", [("Bo Reed", "No more of this.")]),
    ("Ada Finch spoke.\n«It is late», Finch said.", [("Ada Finch", "It is late")]),
    (
        "Ada Finch said:\n“One paragraph goes on.\n“The next one ends.”",
        [("Ada Finch", "One paragraph goes on. The next one ends.")],
    ),
    ('"This mark has no end, said Bo Reed.\nAda Finch said: "It is late."', [
        ("Bo Reed", "This mark has no end, said Bo Reed."), ("Ada Finch", "It is late.")]),
    ("A Home Office spokesman said: “We are determined.”", [("Home Office", "We are determined.")]),
    ("Nobody is named here, but “it is an outrage that this went on”.", [(None, "it is an outrage that this went on")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES[:10] + CASES[11:])
def test_news_style(text, expected):
    assert said(text) == expected


def test_a_mark_without_a_partner_does_not_swallow_the_article():
    found = said('"This mark has no end, said Bo Reed.\nAda Finch said: "It is late."')
    assert ("Ada Finch", "It is late.") in found
    assert all("Ada Finch" not in text for _, text in found)


def test_a_surname_of_several_members_is_left_open_and_counted():
    table = quotes_of("Cooper said: “It is late and we must go.”", date="2022-01-01")
    assert pd.isna(table["speaker"][0])
    assert "Daisy Cooper or Rosie Cooper or Yvette Cooper" in stance.ledger(table)["reason"][0]


def test_a_pronoun_goes_to_the_person_whom_it_fits():
    text = "Sir Bo Reed met Ms Ada Finch. “It is late and we must go,” she said."
    assert said(text) == [("Ada Finch", "It is late and we must go,")]


@given(
    st.text(
        st.characters(blacklist_categories=("Cs",)) | st.sampled_from(list("“”‘’\"'\n\r «»said Finch:,.")), max_size=300
    )
)
@settings(max_examples=200, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_offsets_are_exact_whatever_the_text(text):
    try:
        article = Article(text, "t", date="2024-09-06")
    except InputError:
        return  # nothing but blanks
    table = extract_quotes(article)
    for _, row in table.iterrows():
        assert row["text"] == " ".join(text[start:end] for start, end in row["spans"])
        for column in ("speaker_span", "cue_span"):
            if row[column] is not None:
                start, end = row[column]
                assert 0 <= start < end <= len(text)
    segments, _ = find_segments(text)
    assert all(a.end <= b.start for a, b in pairwise(segments))


def test_no_quotes_is_an_empty_table_with_the_columns():
    table = quotes_of("Nothing is quoted in this story. Nobody speaks.")
    assert len(table) == 0
    assert "text" in table


@pytest.mark.parametrize("progress", [True, False])
def test_a_bar_shows_while_quotes_are_found(monkeypatch, progress):
    """The network takes nearly all of the time."""
    seen = []

    class Bar(tqdm):
        def __init__(self, *values, **more):
            seen.append((more["desc"], more["total"], more["disable"]))
            super().__init__(*values, **more)

        def update(self, n=1):
            counted.append(int(n))
            return super().update(n)

    counted = []
    monkeypatch.setattr("stance.attribution.model.tqdm", Bar)
    extract_quotes([Article("a b " * 200, "t"), Article("c d", "u")], progress=progress)
    assert seen == [("quotes", 2, not progress)]
    assert sum(counted) == 2


def test_articles_are_articles_each_with_its_source():
    with pytest.raises(InputError, match="'A story' is not an Article: read one by"):
        extract_quotes("A story")
    with pytest.raises(InputError, match="'t' is the source of 2"):
        extract_quotes([Article("a b", "t"), Article("c d", "t")])


@pytest.mark.parametrize("unit", ["word ", '"a ', "'tis 'a ", 'He said: "Yes, we will." ', "A Bee Said ", "“", "Mr "])
def test_a_megabyte_on_one_line(unit):
    text = (unit * (1_000_000 // len(unit) + 1))[:1_000_000]
    segments, _ = find_segments(text)
    assert all(a.end <= b.start for a, b in pairwise(segments))
