"""The Hansard API, against a real server on this machine that misbehaves in every way that the real one may."""

import datetime
import email.utils
import time

import pandas as pd
import pytest

import stance
from stance.errors import InputError, NetworkError
from stance.hansard.api import attributed_to, contribution_of, paragraphs_of_html
from stance.quotes import ledger
from stance.web import PoliteClient, retry_after
from tests.made_records import NAMES, Parliament, api_items, people_json, serve

SPAN = ("2024-07-05", "2025-06-30")


@pytest.fixture
def fetch(tmp_path):
    """read_hansard against a server, with a client that does not wait long."""

    def run(parliament, search="small boats", *, cache=False, timeout=20.0, **more):
        with PoliteClient(rate=500, backoff=0.01, timeout=timeout, cache=cache) as client:
            return stance.read_hansard(search, *SPAN, base_url=parliament.address, client=client, **more)

    return run


def ids(table):
    return sorted(table["source"])


def wanted(count):
    return [f"C{i:05d}" for i in range(count)]


@pytest.mark.parametrize("most", [2, 7, 20, 100])
def test_all_pages_whatever_their_size(fetch, most):
    count = 12 if most == 2 else 95
    with serve(Parliament(api_items(count), most=most)) as parliament:
        table = fetch(parliament)
    assert ids(table) == wanted(count)
    assert table["date"].is_monotonic_increasing
    assert (table["kind"] == "speech").all()


def test_a_row_holds_speaker_party_link_and_exact_text(fetch):
    with serve(Parliament(api_items(3))) as parliament:
        row = fetch(parliament).iloc[1]
    assert (row["speaker"], row["party"], row["party_from"]) == ("Bo Finch", "Conservative", "record")
    assert row["url"] == "https://hansard.parliament.uk/Commons/2024-07-05/debates/D0000/SmallBoats#contribution-C00001"
    assert row["text"].startswith("Number 1. People will not come if they know that they cannot stay.\n")
    assert row["spans"] == [[0, len(row["text"])]]
    assert row["debate"] == "Small Boats"


def trouble(number, parliament):
    """429 with Retry-After, 500, a cut connection, a slow answer: one after the other, between good answers."""
    return {0: ("retry", 429, "0"), 1: 500, 3: "cut", 5: 0.2, 6: 503, 8: "cut", 9: 502}.get(number)


def test_failures_that_pass_lose_and_double_nothing(fetch):
    with serve(Parliament(api_items(95), before=trouble)) as parliament:
        table = fetch(parliament)
    assert ids(table) == wanted(95)


def test_a_slow_answer_is_asked_for_again(fetch):
    with serve(Parliament(api_items(30), before=lambda n, p: 2.5 if n == 1 else None)) as parliament:
        table = fetch(parliament, timeout=1.0)
    assert ids(table) == wanted(30)


@pytest.mark.parametrize("at", [1, 2, 4])
@pytest.mark.parametrize("where", [0, 50, 95])
def test_items_added_between_pages(fetch, at, where):
    """An item that is added moves the pages: one item comes twice and another would be lost."""
    late = {**api_items(1)[0], "ContributionExtId": "C00095"}

    def add(number, parliament):
        if number == at:
            parliament.items.insert(where, late)

    with serve(Parliament(api_items(95), before=add)) as parliament:
        table = fetch(parliament)
    assert ids(table) == wanted(96)


@pytest.mark.parametrize("at", [1, 2, 4])
def test_items_taken_away_between_pages(fetch, at):
    def take(number, parliament):
        if number == at:
            del parliament.items[3]

    with serve(Parliament(api_items(95), before=take)) as parliament:
        table = fetch(parliament)
    assert set(ids(table)) >= set(wanted(95)) - {"C00003"}
    assert not table["source"].duplicated().any()


@pytest.mark.parametrize("at", [1, 2, 4])
def test_one_taken_away_and_one_added_where_the_total_stays_the_same(fetch, at):
    late = {**api_items(1)[0], "ContributionExtId": "C00095", "SittingDate": "2025-06-30T00:00:00"}

    def swap(number, parliament):
        if number == at:
            del parliament.items[3]
            parliament.items.append(late)

    with serve(Parliament(api_items(95), before=swap)) as parliament:
        table = fetch(parliament)
    assert set(ids(table)) >= set(wanted(96)) - {"C00003"}


def test_items_that_the_server_repeats_count_once_and_are_told(fetch):
    items = api_items(50)
    with serve(Parliament([*items[:30], *items[10:50]])) as parliament, pytest.warns(UserWarning, match="announced 70"):
        table = fetch(parliament)
    assert ids(table) == wanted(50)
    assert (ledger(table)["reason"].str.startswith("announced by the server")).sum() == 20


def test_the_same_call_again_asks_nothing_and_gives_the_same(fetch, tmp_path):
    with serve(Parliament(api_items(95))) as parliament:
        first = fetch(parliament, cache=tmp_path)
        asked = len(parliament.queries)
        again = fetch(parliament, cache=tmp_path)
        assert len(parliament.queries) == asked
        fetch(parliament, cache=tmp_path, refresh=True)
        assert len(parliament.queries) == 2 * asked
    pd.testing.assert_frame_equal(first, again)


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(fetch, tmp_path):
    parliament = Parliament(api_items(95), before=lambda n, p: 500 if n >= 3 else None)
    with serve(parliament):
        with pytest.raises(NetworkError, match=r"the server answered 500, 6 times.*goes on from there"):
            fetch(parliament, cache=tmp_path)
        parliament.before = None
        done = len(parliament.queries)
        table = fetch(parliament, cache=tmp_path)
        assert len(parliament.queries) - done == 2  # three of the five pages were kept
    assert ids(table) == wanted(95)


def test_an_error_page_is_not_kept(fetch, tmp_path):
    parliament = Parliament(api_items(5), before=lambda n, p: "html" if n == 0 else None)
    with serve(parliament):
        with pytest.raises(NetworkError, match=r"no JSON but '<!DOCTYPE html>.*try again later"):
            fetch(parliament, cache=tmp_path)
        assert ids(fetch(parliament, cache=tmp_path)) == wanted(5)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_no_is_not_asked_again(fetch, status):
    with serve(Parliament(api_items(5), before=lambda n, p: status)) as parliament:
        with pytest.raises(NetworkError, match=f"answered {status}; check the address"):
            fetch(parliament)
        assert len(parliament.queries) == 1


def test_json_of_another_shape(fetch):
    with serve(Parliament([])) as parliament:
        parliament.pages["/search/contributions/Spoken.json"] = ("application/json", b'{"error": 1}')
        with pytest.raises(NetworkError, match=r"JSON of another shape .found: error"):
            fetch(parliament)


def test_nobody_listens():
    with (
        PoliteClient(rate=500, retries=1, backoff=0.01, cache=False) as client,
        pytest.raises(NetworkError, match="2 times"),
    ):
        stance.read_hansard("boats", *SPAN, base_url="http://127.0.0.1:9", client=client)


def test_the_client_is_polite():
    with serve(Parliament(api_items(95))) as parliament:
        with PoliteClient(rate=10, cache=False) as client:
            stance.read_hansard("small boats", *SPAN, base_url=parliament.address, client=client)
        gaps = [b - a for a, b in zip(parliament.times, parliament.times[1:], strict=False)]
        assert len(gaps) == 4
        assert min(gaps) > 0.08
        assert parliament.agents.pop().startswith("stance-toolkit/")


def test_retry_after_is_waited_for(fetch):
    with serve(Parliament(api_items(5), before=lambda n, p: ("retry", 429, "1") if n == 0 else None)) as parliament:
        begun = time.monotonic()
        fetch(parliament)
        assert time.monotonic() - begun >= 1


def test_retry_after_of_an_hour_is_told(fetch):
    with serve(Parliament(api_items(5), before=lambda n, p: ("retry", 429, "3600"))) as parliament:
        with pytest.raises(NetworkError, match="asks to wait 3600 s"):
            fetch(parliament)
        assert len(parliament.queries) == 1


def test_retry_after_as_a_date():
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=30)
    assert 25 < retry_after(email.utils.format_datetime(soon)) <= 30
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("soon") is None


def test_house_member_and_words_are_asked_for(fetch):
    with serve(Parliament(api_items(95))) as parliament:
        table = fetch(parliament, None, house="commons", member=9003)
        query = parliament.queries[0]
    assert set(table["speaker"]) == {NAMES[3]}
    assert (query["house"], query["memberId"], query["startDate"], query["endDate"]) == ("Commons", "9003", *SPAN)
    assert "searchTerm" not in query


@pytest.mark.parametrize(
    ("search", "more", "message"),
    [
        ("", {}, "give words to search for"),
        (None, {}, "give words to search for"),
        ("x", {"house": "Senate"}, "'Senate' is not one of Commons, Lords"),
        ("x", {"member": "Finch"}, "not a number"),
    ],
)
def test_what_cannot_be_asked(search, more, message):
    with pytest.raises(InputError, match=message):
        stance.read_hansard(search, *SPAN, **more)


def test_days_in_the_wrong_order():
    with pytest.raises(InputError, match="not a span of days"):
        stance.read_hansard("x", "2025-01-01", "2024-01-01")
    with pytest.raises(stance.ReadError, match="'soon' is not an ISO date"):
        stance.read_hansard("x", "soon", "2024-01-01")


def test_what_is_no_members_speech_goes_to_the_ledger(fetch):
    item = api_items(1)[0]
    odd = [
        {**item, "ContributionExtId": "A", "ContributionTextFull": None},
        {**item, "ContributionExtId": "B", "ContributionTextFull": "<p> </p>", "ContributionText": None},
        {**item, "ContributionExtId": "C", "AttributedTo": "Madam Deputy Speaker (Fay Teal)", "MemberName": "Fay Teal"},
        {**item, "ContributionExtId": "D", "MemberName": None, "MemberId": None, "AttributedTo": ""},
        {**item, "ContributionExtId": "E", "MemberName": None, "MemberId": None, "AttributedTo": "Hon. Members"},
        {**item, "ContributionExtId": "F", "MemberName": None, "MemberId": None,
         "AttributedTo": "My right hon. Friend the Member for Reedbury (Ada Finch)"},
        item,
    ]  # fmt: skip
    with serve(Parliament(odd)) as parliament:
        table = fetch(parliament)
    assert table["source"].tolist() == ["C00000"]
    counts = ledger(table)["reason"].value_counts().to_dict()
    assert counts == {"only an excerpt, not the full text": 1, "a contribution with no text": 1, "the Chair": 1,
                      "procedure": 3}  # fmt: skip


def test_nothing_found_is_an_empty_table(fetch):
    with serve(Parliament([])) as parliament:
        assert fetch(parliament).empty


def test_people_json_counts_before_the_printed_party(fetch, tmp_path):
    people = people_json(tmp_path / "people.json", changes={1: ("2024-07-09", "reform")})
    with serve(Parliament(api_items(95))) as parliament:
        table = fetch(parliament, people=people)
    bo = table[table["speaker"] == "Bo Finch"]
    assert bo["party"].tolist() == [
        "Conservative" if d < pd.Timestamp("2024-07-09") else "Reform UK" for d in bo["date"]
    ]
    assert set(bo["party"]) == {"Conservative", "Reform UK"}
    assert set(bo["party_from"]) == {"people"}


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("Ada Finch (Testham) (Lab/Co-op)", ("Ada Finch", None, "Lab/Co-op")),
        ("The Secretary of State for Tests (Bo Reed)", ("Bo Reed", "The Secretary of State for Tests", None)),
        ("Lord Teal of Testham (Con)", ("Lord Teal of Testham", None, "Con")),
        ("Ada Finch", ("Ada Finch", None, None)),
        ("", (None, None, None)),
    ],
)
def test_attributed_to(printed, read):
    assert attributed_to(printed) == read


def test_html_of_a_contribution():
    html = (
        '<p class="hs_Para">The <em>first</em> point<span class="column-number" data-column-number="12">12</span> is '
        'plain &amp; clear. [Interruption.] It stands.</p><p class="hs_brev">We shall not do it, whatever they say.</p>'
        "<table><tr><td>1</td></tr></table><p>The last.</p>"
    )
    said = contribution_of({**api_items(1)[0], "ContributionTextFull": html})
    quoted = "We shall not do it, whatever they say."
    assert said.text == f"The first point is plain & clear. It stands.\n{quoted}\nThe last."
    assert [said.text[a:b] for a, b in said.quoted] == [quoted]
    assert said.dropped == {"a reporter's note inside a contribution": 1, "table inside a contribution": 1}
    assert [p.text for p in paragraphs_of_html("No markup &amp; none.\nAt all.")] == ["No markup & none.", "At all."]
