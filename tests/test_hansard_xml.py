"""Debates' XML of the ParlParse project, in its format, with fictional members."""

import json

import pandas as pd
import pytest

import stance
from benchmarks.records import check_parties
from stance.errors import ReadError
from stance.hansard.records import quoted_ranges
from stance.quotes import as_quotes, ledger, read_quotes
from tests.made_records import NAMES, PERSON, heading, people_json, speech, write_day, write_year

DAY = "2024-07-22"
ADA, BO, CY = NAMES[0], NAMES[1], NAMES[2]
LONG = "The cost has doubled since then, and the courts are full. " * 40


def said(number, who, body, **more):
    return speech(DAY, number, NAMES[who], body, PERSON.format(who), **more)


@pytest.fixture
def read(tmp_path):
    def run(*parts, **more):
        return stance.read_parlparse(write_day(tmp_path, DAY, list(parts)), **more)

    return run


def test_the_names_are_nobodys():
    assert not [name for name in NAMES if stance.roster().find(name)]


def test_a_debate(read):
    table = read(
        '<oral-heading id="uk.org.publicwhip/debate/2024-07-22a.1.0">Oral Answers to Questions</oral-heading>',
        heading(DAY, 1, "HOME DEPARTMENT"),
        speech(DAY, 2, None, '<p class="italic">The Secretary of State was asked—</p>'),
        heading(DAY, 3, "Small Boats", "minor"),
        said(4, 0, "What steps she is taking to reduce crossings.", oral_qnum="1"),
        said(5, 1, "We are breaking the gangs that run this trade."),
        said(6, 0, "Will she look at the figures again?"),
        said(7, 1, "I will."),
        said(8, 2, "My right hon. Friend the Member for Reedbury asked about the courts. What is the answer?"),
        said(9, 1, "The courts are full."),
        heading(DAY, 20, "Harbours"),
        said(21, 0, f"I beg to move, That the harbour be mended. {LONG}"),
        said(22, 1, "Will my hon. Friend give way?"),
        said(23, 0, LONG),
        said(24, 2, "I am grateful for that point."),
        said(25, 0, LONG),
        said(26, 1, LONG),
        said(27, 0, "I thank the hon. Member for giving way. Is that so?"),
        said(28, 1, LONG),
    )
    assert table["contribution"].tolist() == [
        "question", "answer", "question", "answer", "question", "answer",
        "speech", "intervention", "speech", "intervention", "speech", "speech", "intervention", "speech",
    ]  # fmt: skip
    assert set(table["speaker"]) == {ADA, BO, CY}
    assert set(table["debate"]) == {"HOME DEPARTMENT: Small Boats", "Harbours"}
    assert set(table["house"]) == {"Commons"}
    assert table["url"].iloc[0] == "https://www.theyworkforyou.com/debates/?id=2024-07-22a.1149.4"
    assert table["date"].eq(pd.Timestamp(DAY)).all()
    assert ledger(table)["reason"].value_counts().to_dict()["procedure"] == 1


def test_a_statement(read):
    table = read(
        heading(DAY, 1, "Border Security"),
        said(2, 0, f"With permission, Mr Speaker, I will make a statement on the border. {LONG}"),
        said(3, 1, LONG),
        said(4, 0, "The plan is before the House."),
        said(5, 2, "What does it cost?"),
        said(6, 0, "Less than the last one."),
    )
    assert table["contribution"].tolist() == ["speech", "question", "answer", "question", "answer"]


def test_an_urgent_question(read):
    table = read(
        heading(DAY, 1, "Harbours"),
        said(2, 0, "(Urgent Question): To ask the Minister if he will make a statement on harbours."),
        said(3, 1, LONG),
        said(4, 2, "When will it be done?"),
        said(5, 1, "Soon."),
    )
    assert table["contribution"].tolist() == ["question", "answer", "question", "answer"]


def test_what_the_record_calls_it_counts(read):
    table = read(said(1, 0, "Is it so?", type="Start Question"), said(2, 1, "It is.", type="Start Answer"))
    assert table["contribution"].tolist() == ["question", "answer"]


def test_the_chair_and_procedure_are_left_out_and_counted(read, tmp_path):
    table = read(
        heading(DAY, 1, "Harbours"),
        speech(DAY, 2, "Mr Speaker", "We come to the debate on harbours."),
        said(3, 0, LONG),
        said(4, 3, "Order. The hon. Gentleman must sit down."),
        said(5, 4, "I call Cy Finch."),
        speech(DAY, 6, None, '<p class="italic">[Gus Finch in the Chair]</p>'),
        said(7, 6, "There is a limit of four minutes on speeches."),
        speech(DAY, 8, "Hon. Members:", "Hear, hear!"),
        speech(DAY, 9, "Hon. Members:", "Hear, hear!", nospeaker="true"),
        speech(DAY, 10, None, '<p class="italic">Question put and agreed to.</p>'),
        said(11, 1, '<p class="italic">rose—</p>'),
        said(12, 2, " "),
        '<division id="uk.org.publicwhip/debate/2024-07-22a.1149.13" divnumber="1"><divisioncount ayes="1" noes="2"/>'
        "</division>",
        said(14, 2, LONG),
    )
    assert table["speaker"].tolist() == [ADA, CY]
    assert ledger(table)["reason"].value_counts().to_dict() == {
        "the Chair": 4, "procedure": 3, "no single member: a witness, or several at once": 2,
        "a contribution with no text": 1, f"party open: {ADA!r} is not in the roster": 1,
        f"party open: {CY!r} is not in the roster": 1,
    }  # fmt: skip


def test_the_speaker_by_party(tmp_path):
    people = people_json(tmp_path / "people.json", changes={5: ("2024-07-09", "speaker")})
    table = stance.read_parlparse(write_day(tmp_path, DAY, [said(1, 5, LONG), said(2, 0, LONG)]), people=people)
    assert table["speaker"].tolist() == [ADA]


def test_markup_tables_motions_and_quotations(read):
    table = read(
        said(
            1, 0,
            '<p>I beg to move,</p><p class="indent" pwmotiontext="yes">That this House has considered harbours.</p>'
            '<p>The <i>first</i> point is <phrase class="honfriend" person_id="x" name="y">my right hon. Friend '
            "the Member for Reedbury</phrase>’s. [Interruption.] He wrote: “I have waited a year for an answer and "
            "none has come.” I said: “We shall see about that next week.” It is “stop the boats” again.</p>"
            '<p class="indent" pwmotiontext="yes">The Secretary of State has no plan for any of it.</p>'
            "<table><tbody><tr><td>12</td></tr></tbody></table><p>Those were his words.</p>"
            '<p class="italic">Question put and agreed to.</p>',
        )
    )  # fmt: skip
    row = table.iloc[0]
    assert row["text"] == (
        "I beg to move,\nThe first point is my right hon. Friend the Member for Reedbury’s. He wrote: “I have waited a "
        "year for an answer and none has come.” I said: “We shall see about that next week.” It is “stop the boats” "
        "again.\nThe Secretary of State has no plan for any of it.\nThose were his words."
    )
    assert [row["text"][a:b] for a, b in row["quotes_other"]] == [
        "I have waited a year for an answer and none has come.", "The Secretary of State has no plan for any of it.",
    ]  # fmt: skip
    assert row["speaker"] == ADA
    reasons = set(ledger(table)["reason"])
    for what in ("motion", "table", "procedure", "a reporter's note"):
        assert f"{what} inside a contribution" in reasons
    own = stance.own_words(table).iloc[0]
    assert "waited a year" not in own["text"]
    assert "no plan" not in own["text"]
    assert own["text"].endswith("again. Those were his words.")
    assert " ".join(row["text"][a:b] for a, b in own["spans"]) == own["text"]


def test_a_speech_that_is_quotation_throughout(read):
    table = read(said(1, 0, "“I have waited a year for an answer and none has come.”"), said(2, 1, "It has."))
    own = stance.own_words(table)
    assert own["text"].tolist() == ["It has."]
    assert "nothing but somebody else's words" in set(ledger(own)["reason"])


def test_a_quotation_over_paragraphs_and_one_with_straight_marks():
    text = 'He wrote: “The first part of it.\n“The second part of it.” And she: "We do not agree with that."'
    found = [text[a:b] for a, b in quoted_ranges(text)]
    assert found == ["The first part of it.\n“The second part of it.", "We do not agree with that."]
    assert quoted_ranges("It is “stop the boats” again, isn't it?") == []


def test_of_several_versions_of_a_day_the_last_counts(tmp_path):
    for version, latest in (("a", "no"), ("b", "yes"), ("c", "no")):
        write_day(tmp_path, DAY, [said(1, 0, f"Version {version}.")], version, latest)
    table = stance.read_parlparse(tmp_path)
    assert table["text"].tolist() == ["Version b."]
    assert (ledger(table)["reason"] == "replaced by a later version, debates2024-07-22b.xml").sum() == 2


def test_of_versions_that_all_claim_to_be_the_last_the_highest_letter_counts(tmp_path):
    paths = [write_day(tmp_path, DAY, [said(1, 0, f"Version {v}.")], v) for v in ("c", "a", "b")]
    assert stance.read_parlparse(paths)["text"].tolist() == ["Version c."]


def test_people_json_gives_the_party_on_the_day(tmp_path):
    people = people_json(tmp_path / "people.json", changes={0: ("2024-09-04", "reform"), 1: ("2024-09-03", "green")})
    days = pd.bdate_range("2024-09-02", periods=5).strftime("%Y-%m-%d")
    for day in days:
        write_day(tmp_path, day, [speech(day, n, NAMES[n], "So it is.", PERSON.format(n)) for n in range(2)])
    table = stance.read_parlparse(tmp_path, people=stance.read_people(people))
    assert table.loc[table["speaker"] == ADA, "party"].tolist() == ["Labour"] * 2 + ["Reform UK"] * 3
    assert table.loc[table["speaker"] == BO, "party"].tolist() == ["Conservative"] + ["Green Party"] * 4
    assert set(table["party_from"]) == {"people"}


def test_unknown_person_and_dates_outside(tmp_path):
    people = people_json(tmp_path / "people.json")
    day = "1998-03-04"
    parts = [speech(day, 1, "Wim Knot", "So it is.", "uk.org.publicwhip/person/1"),
             speech(day, 2, ADA, "So it is.", PERSON.format(0))]  # fmt: skip
    table = stance.read_parlparse(write_day(tmp_path, day, parts), people=people)
    assert table["party"].isna().all()
    assert table["speaker"].tolist() == ["Wim Knot", ADA]
    reasons = ledger(table)["reason"].tolist()
    assert "uk.org.publicwhip/person/1 is not in people.json" in reasons[0]
    assert f"people.json has no membership of {ADA} on 1998-03-04" in reasons[1]


def test_bad_people_json(tmp_path):
    path = tmp_path / "people.json"
    with pytest.raises(ReadError, match="no such file"):
        stance.read_people(path)
    path.write_text("{")
    with pytest.raises(ReadError, match="cannot be read as JSON"):
        stance.read_people(path)
    path.write_text(json.dumps([1]))
    with pytest.raises(ReadError, match="not a Popolo file"):
        stance.read_people(path)


def test_peers_are_named_in_people_json_and_never_looked_up_by_surname(tmp_path):
    path = tmp_path / "people.json"
    names = {"note": "Main", "honorific_prefix": "Lord", "lordname": "Teal", "lordofname": "Testham"}
    path.write_text(json.dumps({
        "persons": [{"id": "p/1", "other_names": [names]}],
        "memberships": [{"person_id": "p/1", "on_behalf_of_id": "crossbench", "start_date": "2001-01-01"}],
    }))  # fmt: skip
    body = ('<speech id="uk.org.publicwhip/lords/2024-07-22a.1.1" speakername="Lord Teal" person_id="p/1">'
            "<p>So it is.</p></speech>"
            '<speech id="uk.org.publicwhip/lords/2024-07-22a.1.2" speakername="Lord Cooper" person_id="p/2">'
            "<p>…</p></speech>")  # fmt: skip
    file = tmp_path / "daylord2024-07-22a.xml"
    file.write_text(f'<publicwhip scraperversion="a" latest="yes">{body}</publicwhip>')
    table = stance.read_parlparse(file, people=path)
    assert table["speaker"].tolist() == ["Lord Teal of Testham", "Lord Cooper"]
    assert table["party"].tolist()[0] == "Crossbench"
    assert table["party"].isna().tolist() == [False, True]
    assert set(table["house"]) == {"Lords"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("", "cut off or not well-formed"),
        ('<publicwhip latest="yes"><speech id="uk.org.publicwhip/debate/2024-07-22a.1.1"><p>So it', "cut off or not"),
        ("<!DOCTYPE html><html><body>Not found</body></html>", "the root is <html>"),
        ('<publicwhip><speech id="17"><p>So it is.</p></speech></publicwhip>', "no date can be told"),
    ],
)
def test_bad_files(tmp_path, content, message):
    path = tmp_path / "debates.xml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ReadError, match=message):
        stance.read_parlparse(path)
    with pytest.raises(ReadError, match=message):
        stance.write_parlparse(path, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_entities_of_old_files_and_none_from_elsewhere(tmp_path):
    path = tmp_path / f"debates{DAY}a.xml"
    path.write_text('<!DOCTYPE publicwhip [<!ENTITY pound "&#163;"> <!ENTITY out SYSTEM "file:///etc/hostname">]>'
                    f"<publicwhip>{said(1, 0, 'It costs &pound;5.')}</publicwhip>")  # fmt: skip
    assert stance.read_parlparse(path)["text"].tolist() == ["It costs £5."]
    path.write_text(path.read_text().replace("&pound;5", "&out;"))
    with pytest.raises(ReadError, match="not well-formed"):
        stance.read_parlparse(path)


def test_search_takes_what_holds_the_phrase_in_text_or_heading(read):
    table = read(
        heading(DAY, 1, "Harbours"), said(2, 0, "The small boats."), said(3, 1, "The ferries."),
        heading(DAY, 4, "Small boats"), said(5, 2, "So it is."), search="small boats",
    )  # fmt: skip
    assert table["speaker"].tolist() == [ADA, CY]


def test_streamed_into_parquet_it_is_the_same_table(tmp_path):
    people = people_json(tmp_path / "people.json")
    turns = write_year(tmp_path / "year", 3, turns=80)
    whole = stance.read_parlparse(tmp_path / "year", people=people)
    assert len(whole) == turns
    assert stance.write_parlparse(tmp_path / "year", tmp_path / "year.parquet", people=people) == turns
    streamed = read_quotes(tmp_path / "year.parquet")
    pd.testing.assert_frame_equal(streamed, as_quotes(whole))
    pd.testing.assert_frame_equal(ledger(streamed), ledger(whole))
    assert set(whole["party"]) == {"Labour", "Conservative", "Liberal Democrat", "SNP"}
    with pytest.raises(ReadError, match="no contribution of a member found with 'zebra'"):
        stance.write_parlparse(tmp_path / "year", tmp_path / "none.parquet", search="zebra")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_a_hansard_table_scores_and_compares_like_any_other(tmp_path, toy_scorer, suffix):
    """What notebook 02 does with a file that is given as its parameter."""
    people = people_json(tmp_path / "people.json")
    write_year(tmp_path / "year", 1, turns=60)
    path = stance.write_table(stance.read_parlparse(tmp_path / "year", people=people), tmp_path / f"q{suffix}")
    quotes = stance.read_quotes(path)
    scores = stance.score(quotes, model=toy_scorer, progress=False)
    result = stance.compare(scores, "Labour", "Conservative", resamples=200)
    assert result.summary["frame"].tolist() == ["enforcement", "deterrence"]
    assert result.summary["n_speakers_a"].min() >= 3
    assert result.inferred
    assert stance.own_words(quotes)["text"].str.len().sum() < quotes["text"].str.len().sum()


def test_every_member_who_changed_has_the_right_party_on_every_day(shared, tmp_path):
    """Against the research data, on days of which they are sure; each text is three dots."""
    people, compared, wrong = check_parties(shared, tmp_path)
    assert people == 21
    assert compared > 150
    assert not wrong
