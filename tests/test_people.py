import pandas as pd
import pytest

import stance
from stance.errors import ReadError, TableError
from stance.people import Roster, add_parties, bare_name
from stance.quotes import as_quotes


@pytest.mark.parametrize(
    ("person", "date", "party"),
    [
        ("Yvette Cooper", "2024-09-06", "Labour"),
        ("Robert Jenrick", "2024-09-06", "Conservative"),
        ("Robert Jenrick", "2026-01-14", "Conservative"),
        ("Robert Jenrick", "2026-01-15", "Reform UK"),
        ("Robert Jenrick", "2026-02-01", "Reform UK"),
        ("Robert Jenrick", None, None),  # changed party, so no date means no party
        ("Suella Braverman", "2024-09-06", "Conservative"),
        ("Suella Braverman", "2026-02-01", "Reform UK"),
        ("Sir Keir Starmer", "2021-05-01", "Labour"),
        ("Keir Starmer", None, "Labour"),
        ("Elizabeth Truss", "2022-10-01", "Conservative"),  # an alias
        ("Liz Truss", "2024-09-06", None),  # no longer a member
        ("Cooper", "2024-09-06", None),  # several
        ("Nobody Atall", "2024-09-06", None),
    ],
)
def test_party_at_the_date(person, date, party):
    assert stance.party_of(person, date) == party


def test_three_coopers_sat_in_the_parliament_of_2019():
    assert stance.roster().find("Cooper", on="2022-01-01") == ["Daisy Cooper", "Rosie Cooper", "Yvette Cooper"]


def test_the_roster_holds_every_period_of_the_research_data(shared):
    people = stance.roster()
    members = pd.read_csv(shared / "people" / "mps-2024-2026.csv")
    members["bare"] = members["name"].map(bare_name)
    wrong = [
        row["bare"] for _, row in members.iterrows()
        if people.party_of(row["bare"], row["from"]) is None
    ]  # fmt: skip
    assert wrong == []
    assert people.periods["person"].nunique() == 1025


def test_names_lose_titles_and_letters():
    assert bare_name("Rt Hon Dame Diana Johnson MP") == "Diana Johnson"
    assert bare_name("Cooper’s") == "Cooper"


def test_a_roster_of_ones_own(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("person,party,from,until,aliases\nAda Finch,Unity,2020-01-01,,A. Finch\n", encoding="utf-8")
    mine = Roster.from_csv(path)
    assert stance.party_of("A. Finch", "2021-01-01", people=mine) == "Unity"
    assert stance.party_of("Ada Finch", "2019-01-01", people=mine) is None
    path.write_text("person,party\nAda Finch,Unity\n", encoding="utf-8")
    with pytest.raises(TableError, match="'from'"):
        Roster.from_csv(path)
    with pytest.raises(ReadError, match="no such roster"):
        Roster.from_csv(tmp_path / "none.csv")


def test_open_parties_are_counted_with_the_reason():
    quotes = as_quotes(pd.DataFrame({
        "text": list("abcdef"),
        "speaker": ["Cooper", "Jenrick", "Robert Jenrick", "Ada Finch", None, "Liz Truss"],
        "date": ["2022-01-01", "2024-09-06", None, "2024-09-06", "2024-09-06", "2024-09-06"],
    }))  # fmt: skip
    done = add_parties(quotes)
    assert done["party"].astype(object).where(done["party"].notna(), None).tolist() == [
        None,
        "Conservative",
        None,
        None,
        None,
        None,
    ]
    assert done["speaker"][1] == "Robert Jenrick"
    reasons = stance.ledger(done)["reason"].tolist()
    assert "Daisy Cooper or Rosie Cooper or Yvette Cooper" in reasons[0]
    assert "changed party" in reasons[1]
    assert "not in the roster" in reasons[2]
    assert "no party for Liz Truss on 2024-09-06" in reasons[3]
