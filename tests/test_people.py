import pandas as pd
import pytest

import stance
from stance.errors import InputError, ReadError, TableError
from stance.people import Roster, add_parties, bare_name, roster
from stance.quotes import as_quotes
from tests.conftest import ROOT


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


def test_the_roster_holds_every_member_of_the_research_data(shared):
    people = stance.roster()
    members = pd.read_csv(shared / "people" / "mps-2024-2026.csv")
    members["bare"] = members["name"].map(bare_name)
    missing = [row["bare"] for _, row in members.iterrows() if not people.find(row["bare"], row["from"])]
    assert missing == []
    assert people.periods["person"].nunique() == 1025


def test_a_change_that_only_a_snapshot_dates_leaves_the_days_before_it_open(shared):
    """The lists date some changes by the first snapshot that shows them: no party is claimed that may be wrong."""
    people = stance.roster()
    members = pd.read_csv(shared / "people" / "mps-2024-2026.csv")
    changed = members[members["from_is"] == "observed"]
    snapshots = sorted(set(changed["from"]))
    told = pd.read_csv(ROOT / "stance" / "data" / "roster" / "changes.csv")["person"].tolist()
    checked = 0
    for _, row in changed.iterrows():
        name, day = bare_name(row["name"]), pd.Timestamp(row["from"])
        if name in told or not (members["name"] == row["name"]).sum() > 1:
            continue
        assert people.party_of(name, day - pd.Timedelta(days=1)) is None
        assert people.party_of(name, day) is not None
        before = [d for d in snapshots if d < row["from"]]
        assert before
        assert people.party_of(name, pd.Timestamp(before[-1]) - pd.Timedelta(days=1)) is not None
        checked += 1
    assert checked >= 4


@pytest.mark.parametrize(
    ("person", "date", "party"),
    [
        ("Richard Burgon", "2024-07-22", "Labour"),
        ("Richard Burgon", "2024-10-01", "Independent"),  # whip suspended; the lists do not show it
        ("Richard Burgon", "2025-02-05", "Labour"),
        ("Apsana Begum", "2025-06-01", "Independent"),
        ("Apsana Begum", "2025-10-01", "Labour"),
        ("Rosie Duffield", "2024-09-01", "Labour"),
        ("Rosie Duffield", "2024-10-15", "Independent"),  # the lists show it on 2025-11-10
        ("Rupert Lowe", "2025-02-01", "Reform UK"),
        ("Rupert Lowe", "2025-06-01", "Independent"),
        ("Oliver Ryan", "2025-03-01", None),  # suspended; when the whip came back is not known
        ("Christian Wakeford", "2020-05-01", "Conservative"),
        ("Christian Wakeford", "2023-05-01", "Labour"),
        ("Lee Anderson", "2023-05-01", "Conservative"),
        ("Lee Anderson", "2024-03-01", "Independent"),
        ("Lee Anderson", "2024-04-01", "Reform UK"),
        ("Matt Hancock", "2023-01-01", "Independent"),
        ("Andrew Rosindell", "2026-01-18", None),  # the day of the change itself
        ("Nicola Sturgeon", "2021-05-01", "SNP"),  # never in this Commons, but the holder of an office
        ("Nicola Sturgeon", "2024-05-01", None),
    ],
)
def test_changes_within_a_parliament(person, date, party):
    assert stance.party_of(person, date) == party


@pytest.mark.parametrize(
    ("office", "date", "holders"),
    [
        ("the home secretary", "2024-09-06", ["Yvette Cooper"]),
        ("Home Secretary", "2022-10-20", ["Grant Shapps"]),
        ("home secretary", "2022-10-25", ["Suella Braverman"]),
        ("the shadow home secretary", "2023-05-01", ["Yvette Cooper"]),
        ("shadow home secretary", "2025-01-01", ["Chris Philp"]),
        ("Prime Minister", "2022-09-06", ["Liz Truss"]),
        ("the Tory leader", "2025-03-01", ["Kemi Badenoch"]),
        ("the immigration minister", "2023-03-01", ["Robert Jenrick"]),
        ("immigration minister", "2020-06-01", ["Kevin Foster", "Chris Philp"]),  # both were called so
        ("home secretary", "2030-01-01", []),  # nobody knows
        ("keeper of the cheese", "2024-09-06", []),
    ],
)
def test_who_held_an_office(office, date, holders):
    assert stance.roster().holders(office, date) == holders


def test_every_fact_of_ours_names_its_source():
    for name in ("roles.csv", "changes.csv"):
        table = pd.read_csv(ROOT / "stance" / "data" / "roster" / name, keep_default_na=False)
        assert (table["source"] != "").all()
        assert table["checked"].str.match(r"yes|from memory, not looked up$").all()


def test_nobody_holds_one_office_twice_over_and_no_person_sits_twice():
    people = stance.roster()
    for _, rows in people.periods.sort_values("from").groupby("person"):
        assert (rows["until"].iloc[:-1].fillna(pd.Timestamp.max) <= rows["from"].iloc[1:].to_numpy()).all()
    single = people.offices[~people.offices["office"].str.startswith("Co-")]
    for office, rows in single.sort_values("from").groupby("office"):
        assert (rows["until"].iloc[:-1] <= rows["from"].iloc[1:].to_numpy()).all(), office


def test_a_constituency_names_its_member():
    people = stance.roster()
    assert people.members_for("Newark", "2024-09-06") == ["Robert Jenrick"]
    assert people.members_for("Devizes", "2022-09-06") == ["Danny Kruger"]  # his seat of that parliament
    assert people.members_for("Devizes", "2025-09-06") == []


def test_entries_of_ones_own_add_and_correct(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "person,party,from,until,office,aliases\n"
        "Ada Finch,Unity,2020-01-01,,,A. Finch\n"
        "Yvette Cooper,Unity,2025-01-01,2025-02-01,,\n"
        "Ada Finch,Unity,2025-01-01,2025-02-01,Home Secretary,\n",
        encoding="utf-8",
    )
    mine = stance.roster(path)
    assert mine.party_of("A. Finch", "2021-01-01") == "Unity"
    assert mine.party_of("Yvette Cooper", "2024-12-31") == "Labour"
    assert mine.party_of("Yvette Cooper", "2025-01-15") == "Unity"
    assert mine.party_of("Yvette Cooper", "2025-02-01") == "Labour"
    assert mine.holders("home secretary", "2025-01-15") == ["Ada Finch"]
    assert mine.holders("home secretary", "2025-03-01") == ["Yvette Cooper"]
    assert stance.party_of("Yvette Cooper", "2025-01-15") == "Labour"  # the bundled one is as it was


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Ada Finch,Unity,2025-02-01,2025-01-01", "is not after from"),
        (",Unity,2025-02-01,", "row 2 names no person"),
        ("Ada Finch,Unity,1 May,", "write dates as YYYY-MM-DD"),
    ],
)
def test_a_faulty_entry_is_named(tmp_path, row, message):
    path = tmp_path / "mine.csv"
    path.write_text(f"person,party,from,until\n{row}\n", encoding="utf-8")
    with pytest.raises(TableError, match=message):
        stance.roster(path)


def test_only_near_names_are_suggested():
    with pytest.raises(InputError, match=r"near: Yvette Cooper$"):
        roster().about("yvette coopr")
    with pytest.raises(InputError, match="no name in it is near") as error:
        roster().about("Zebulon Quibblethorpe")
    assert "near:" not in str(error.value)


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


def test_a_surname_in_an_article_stays_open_whenever_it_is_asked():
    quotes = as_quotes(pd.DataFrame({
        "text": ["a", "b"], "speaker": ["Cleverly", "Cleverly"], "date": ["2024-09-06"] * 2,
        "spans": [[[3, 4]], None],
    }))  # fmt: skip
    once = add_parties(quotes)
    assert once["speaker"].tolist() == ["Cleverly", "James Cleverly"]  # the second is a row of one's own
    twice = add_parties(once)
    assert twice["speaker"].tolist() == ["Cleverly", "James Cleverly"]
    assert len(stance.ledger(twice)) == len(stance.ledger(once)) == 1
    assert add_parties(quotes, surnames=True)["party"].tolist() == ["Conservative"] * 2
