"""From the words that name a source to a speaker: fictional people, [sources] in brackets, ⟦direct speech⟧."""

import re

import pandas as pd
import pytest

import stance
from stance.articles import Article
from stance.attribution import speakers
from stance.attribution.marks import Mark
from stance.people import Roster


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    path = tmp_path_factory.mktemp("roster") / "roster.csv"
    path.write_text(
        "person,party,from,until,title,constituency,office,aliases\n"
        "Ada Finch,Labour,2020-01-01,,Ms,Eastmarch,,\n"
        "Bo Reed,Conservative,2020-01-01,,Mr,Norbury Vale,,\n"
        "Cy Tansley,Labour,2020-01-01,,Mr,Holmebridge,,\n"
        "Una Tansley,Liberal Democrat,2020-01-01,,Mrs,Lower Wensley,,\n"
        "Alex Wren,Labour,2020-01-01,,,Stanmoor,,\n"
        "Ada Finch,Labour,2024-07-05,,,,Home Secretary,\n"
        "Bo Reed,Conservative,2022-07-05,2024-07-05,,,Home Secretary,\n"
        "Bo Reed,Conservative,2024-11-05,,,,Shadow Home Secretary,\n"
        "Cy Tansley,Labour,2024-07-05,,,,Migration Minister,immigration minister\n"
        "Alex Wren,Labour,2024-07-05,,,,Border Minister,immigration minister\n",
        encoding="utf-8",
    )
    return Roster.from_csv(path)


def said(marked, people, date="2025-02-12"):
    """The speaker of each bracketed source: the name, else the type."""
    text, sources, speech, opened = "", [], [], []
    for piece in re.split(r"([\[\]⟦⟧])", marked):
        if piece in ("[", "⟦"):
            opened.append(len(text))
        elif piece == "]":
            sources.append((opened.pop(), len(text)))
        elif piece == "⟧":
            speech.append((opened.pop(), len(text)))
        else:
            text += piece
    marks = [Mark(((0, 1),), source=(s,), kind="indirect") for s in sources] + [Mark((s,)) for s in speech]
    found = speakers.resolve(Article(text, "t", date=date), marks, people)[: len(sources)]
    return [speaker.name or speaker.type for speaker in found]


CASES = {
    "a statement is its issuer's": (
        "As [a statement from the Home Office] says. [The department] added.", ["Home Office", "Home Office"]),
    "short forms are written out": (
        "The National Crime Agency (NCA) met. [The NCA] said. [It] said.", ["National Crime Agency"] * 2),
    "parties, by nickname": (
        "[The Tories] said. [A Lib Dem spokeswoman] said. [Labour] said.",
        ["Conservative", "Liberal Democrat", "Labour"]),
    "the government is no party": ("[The government] said. [The UK government] said.", ["Government"] * 2),
    "a name without one": ("[One resident] said. [Officials] said. [A Home Office source] said.", ["unnamed"] * 3),
    "somebody's spokesman is not that person": ("[Ms Finch's spokesman] said.", ["unnamed"]),
    "office by date": ("[The home secretary] said. [Her shadow] said. [He] said.", ["Ada Finch", "Bo Reed", "Bo Reed"]),
    "seat": ("[The Lower Wensley MP] said. [The MP for Eastmarch] said.", ["Una Tansley", "Ada Finch"]),
    "title tells two of one name apart": (
        "Cy Tansley met Una Tansley. [Mr Tansley] said. [Mrs Tansley] said.", ["Cy Tansley", "Una Tansley"]),
    "an office of two is left open": ("[The immigration minister] said.", ["person"]),
    "unless the article names one of them": (
        "Alex Wren came. [The immigration minister] said.", ["Alex Wren"]),
    "a role that the article explains": (
        "Kofi Brand, the chief executive of Refuge Merrow, was there. [The charity’s chief executive] said.",
        ["Kofi Brand"]),
    "a judge": ("[Mr Justice Quill] ruled. [The judge] said.", ["Mr Justice Quill"] * 2),
    "a police officer": (
        "[Detective Chief Inspector Rob Hart of Kent Police] said. [DCI Hart] said. [The detective] said.",
        ["Rob Hart"] * 3),
    "a peer": ("[Baroness Quayle of Merrow] said. [Lady Quayle] said. [The peer] said.", ["Baroness Quayle"] * 3),
    "a rank before the name": ("[NCA Director Kwame Brand] said. [Mr Brand] said.", ["Kwame Brand"] * 2),
    "a word before a name makes no second person": (
        "Ada Finch won. Beyond Finch nobody did. [Finch] said.", ["Ada Finch"]),
    "a role in the running text, then a pronoun": (
        "Ada Finch spoke. The shadow home secretary was not there. [He] wrote.", ["Bo Reed"]),
    "names inside direct speech are not who speaks next": (
        "Ada Finch spoke. “⟦I have met Mrs Tansley.⟧” [She] left.", ["Ada Finch"]),
    "nobody fits": ("[She] said.", ["person"]),
    "they": ("[One resident] spoke. [They] said.", ["unnamed", "unnamed"]),
    "a transcript's capitals": ("[ADA FINCH]: Good morning. [FINCH]: Again.", ["Ada Finch"] * 2),
    "two at once": ("[Ada Finch and Bo Reed] said.", ["person"]),
    "a first name with an age is no member": ("[Wren, 24, from Sudan,] said.", ["Wren"]),
    "a peer is not the member of that surname": (
        "[Lord Wren] said. Alex Wren came. [Baroness Finch] said.", ["Lord Wren", "Baroness Finch"]),
    "a peer is the person of whom the article says so, and no other of that surname": (
        "David Vale, a Labour peer, came. [Lord Vale] said.  Emma Hart, the mayor, came. [Baroness Hart] said. "
        "[Lady Vale] said.", ["David Vale", "Emma Hart", "Lady Vale"]),
    "an honorific of the other sex is another person": ("[Mr Finch] said.", ["Finch"]),
    "a prime minister of elsewhere": (
        "Giulia Vahl, the Italian home secretary, came. ⟦We act,⟧ [the home secretary] said.", ["Giulia Vahl"]),
    "who belongs to somebody is somebody else": (
        "Ada Finch and Bo Reed met. [Ms Finch’s solicitor] said. [Finch’s husband] said. [One person close to Finch] "
        "said. [A lawyer representing Ada Finch] said. [A man who met Ada Finch] said.", ["unnamed"] * 5),
    "two who speak together are not one of them": (
        "Ada Finch and Bo Reed met Cy Tansley. [Finch and Reed] said. [Ms Finch and Mr Reed] said. [Ada Finch, the "
        "home secretary, and her shadow Bo Reed] said. [Ada Finch, Bo Reed and Cy Tansley] said.", ["person"] * 4),
    "who said it stands right before “who”": (
        "Ada Finch, the home secretary, [who] said so, came. A lorry driver [who] said this was sent back. Ada Finch "
        "met a driver [who] said that.", ["Ada Finch", "unnamed", "unnamed"]),
    "after “responding to” the next is another": (
        "Responding to Ada Finch, [the council leader] said that it was late.", ["unnamed"]),
    "the mother beside a politician is somebody else": (
        "Ada Finch met families. A mother wept. [The mother] said. [The teenager] said. Dora Hale, a nurse, came. [The "
        "woman] said.", ["unnamed", "unnamed", "Dora Hale"]),
    "a member goes by the surname": (
        "Ada Finch was there. [Ada, 27, from Eritrea] said. [Ada] said. Dora Hale, 30, came. [Dora] said.",
        ["Ada", "Ada", "Dora Hale"]),
    "a name that says whose": (
        "Ada Finch and Bo Reed met. [a Finch ally] said. [one Reed critic] said. [Ada Finch ally Una Tansley] said. "
        "[a lorry driver who met Bo Reed] said. [Cy Tansley, who shadowed Ada Finch] said.",
        ["unnamed", "unnamed", "Una Tansley", "unnamed", "Cy Tansley"]),
    "a role beside a name is that person's only where it stands right before": (
        "Norbury council leader Rob Gough met Bo Reed in Dover. [The council leader] said. Una Tansley, who met the "
        "chief constable, left. [The chief constable] said.", ["Rob Gough", "unnamed"]),
    "somebody nearer whose first name tells nothing": (
        "Ada Finch announced the plan.\nOluwaseun Adeyemi, 34, a care worker, was held. [She] said.", ["person"]),
    "who spoke last is not the next sentence's object": (
        "⟦We will stop them,⟧ said [Ada Finch].\nUna Tansley attacked Finch on Monday. [She] said.",
        ["Ada Finch", "Una Tansley"]),
    "an earlier holder who is named": (
        "In 2023 Bo Reed told his party to wait. ⟦Nothing has changed,⟧ [the home secretary] said.", ["Ada Finch"]),
    "another first name before a member's surname": (
        "TJ Wren, a fisherman, was angry. [Wren] said. [June Wren] said.", ["Wren", "Wren"]),
    "Green is a surname, too": (
        "Hannah Green, a resident, spoke. [Green] said. [The Greens] said.", [None, "Green Party"]),
    "a body whose name begins like a party's": (
        "[A Greenhaven council spokesman] said. [A Reform Church spokeswoman] said. [A Labour spokesman] said.",
        ["Greenhaven council", "Reform Church", "Labour"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_is_meant(case, people):
    text, expected = CASES[case]
    assert said(text, people) == expected


def test_an_office_depends_on_the_day_and_is_open_without_one(people):
    assert said("[The home secretary] said.", people, "2023-02-12") == ["Bo Reed"]
    assert said("[The home secretary] said.", people, "2019-02-12") == ["person"]
    assert said("[The home secretary] said.", people, None) == ["person"]


def test_a_predecessor_of_one_who_held_the_office_twice(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text(
        "person,party,from,until,title,office\n"
        "Ada Finch,Labour,2020-01-01,2021-01-01,Ms,Home Secretary\n"
        "Bo Reed,Labour,2021-01-01,2022-01-01,Mr,Home Secretary\n"
        "Ada Finch,Labour,2022-01-01,2023-01-01,Ms,Home Secretary\n"
        "Cy Teal,Labour,2023-01-01,,Mr,Home Secretary\n",
        encoding="utf-8",
    )
    people = Roster.from_csv(path)
    assert said("Cy Teal took over. [His predecessor] said.", people, "2023-01-01") == ["Ada Finch"]
    assert said("Cy Teal took over. [His successor] said.", people, "2023-01-01") == ["unnamed"]
    assert people.before_and_after("Bo Reed", "home secretary", "2021-06-01") == ("Ada Finch", "Ada Finch")


def test_a_surname_alone_gets_no_party_in_an_article(people):
    rows = stance.as_quotes(pd.DataFrame({"text": ["We left."], "speaker": ["Wren"], "date": ["2025-02-12"]}))
    for surnames, party in ((True, "Labour"), (False, "none")):
        found = stance.people.add_parties(rows, people, surnames=surnames)
        assert found["party"].fillna("none").tolist() == [party]
    assert "no proof" in found.attrs["left_out"][-1]["reason"]
    assert people.find("Lord Wren") == []
    assert people.party_of("Lord Wren", "2025-02-12") is None


def test_candidates_stand_in_the_reason(people):
    text = "The immigration minister said that it was late."
    mark = Mark(((33, 46),), source=((0, 24),), kind="indirect")
    found = speakers.resolve(Article(text, "t", date="2025-02-12"), [mark], people)[0]
    assert found.name is None
    assert "Cy Tansley or Alex Wren" in found.reason


def test_offices_of_the_bundled_roster():
    text = "[The home secretary] and [the shadow home secretary] met [the Newark MP]."
    assert said(text, stance.roster(), "2024-09-06") == ["Yvette Cooper", "James Cleverly", "Robert Jenrick"]


def test_the_party_of_a_speaker_who_changed_it_depends_on_the_day(people):
    quotes = pd.DataFrame({"text": ["a", "b"], "speaker": ["Robert Jenrick"] * 2, "date": ["2024-09-06", "2026-02-01"]})
    done = stance.add_parties(stance.as_quotes(quotes))
    assert done["party"].tolist() == ["Conservative", "Reform UK"]


def test_two_hundred_kilobytes_take_no_time_to_speak_of(people):
    unit = "Ada Finch met Bo Reed, the leader of the council, and she said so. "
    text, at = unit * 3000, unit.index("she")
    marks = [
        Mark(((i, i + 1),), source=((i + at, i + at + 3),), kind="indirect")
        for i in range(0, len(text), 10 * len(unit))
    ]
    assert len(text) > 200_000
    found = speakers.resolve(Article(text, "t", date="2025-02-12"), marks, people)
    assert {speaker.name for speaker in found} == {"Ada Finch"}
