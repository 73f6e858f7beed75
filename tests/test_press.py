"""The press in bulk, with fictional people and papers."""

import json
import random
import time

import numpy as np
import pandas as pd
import pytest

import stance
from stance.articles import Article
from stance.errors import InputError, NetworkError, ReadError, TableError
from stance.press.duplicates import drop_duplicates
from stance.quotes import ledger
from stance.web import PoliteClient
from tests.made_records import NAMES, Parliament, heading, serve, speech, write_day

STORY = (
    "The harbour at Testham will close in March, the council said on Monday. Ada Finch, who has fished there for 30 "
    "years, said: “We were told nothing until the notice went up on the gate.” The council leader, Bo Reed, said the "
    "decision had been hard. “We looked at every other way and found none that the town could pay for,” he said. Boats "
    "have left the harbour every morning since the war, and some forty families live by them. A meeting is planned for "
    "Thursday in the church hall, where the plans will be shown. The council expects to save two million a year.\n"
)
PAGE = "<html><head><title>{0}</title></head><body><article><h1>{0}</h1><p>{1}</p></article></body></html>"
WORDS = (
    "harbour council town boat gate notice winter family money meeting road school river bridge market station".split()
)


def story(seed, words=220):
    rng = random.Random(seed)
    vocabulary = [f"{word}{number}" for word in WORDS for number in range(12)]
    return " ".join(rng.choice(vocabulary) + ("." if i % 14 == 13 else "") for i in range(words))


def rewritten(text, seed, *, changed=0.08, cut=0.6):
    """What a paper does to agency copy: a headline, a few other words, the end cut off."""
    rng = random.Random(seed)
    words = text.split()
    words = words[: max(40, int(len(words) * rng.uniform(cut, 1)))]
    return " ".join(
        ["Headline", str(seed), *(f"other{rng.random():.6f}" if rng.random() < changed else w for w in words)]
    )


@pytest.fixture
def web():
    with PoliteClient(rate=500, retries=1, backoff=0.01, cache=False) as client:
        yield client


def test_a_folder_of_text_html_and_jsonl(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "a-2024-09-06.txt").write_text(STORY, encoding="utf-8")
    (tmp_path / "in" / "b.html").write_text(PAGE.format("Closing", STORY), encoding="utf-8")
    rows = [{"text": STORY + " More.", "title": "T", "date": "2024-09-07", "url": "https://paper.example/1",
             "publisher": "The Paper"}, {"title": "no text"}]  # fmt: skip
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\nnot json\n", encoding="utf-8")
    (tmp_path / "d.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "e.txt").write_bytes(b"")
    write_day(tmp_path, "2024-07-22", [])
    found = stance.read_press(tmp_path)
    assert [a.source for a in found.articles] == ["a-2024-09-06.txt", "https://paper.example/1", "in/b.html"]
    assert str(found.articles[0].date) == "2024-09-06"
    assert found.articles[1].publisher == "The Paper"
    reasons = {note["source"]: note["reason"] for note in found.notes}
    assert set(reasons) == {"c.jsonl, line 2", "c.jsonl, line 3", "d.pdf", "e.txt", "debates2024-07-22a.xml"}
    assert "no JSON" in reasons["c.jsonl, line 3"]


def test_a_list_of_addresses_with_one_that_fails(tmp_path, web):
    with serve(Parliament([])) as server:
        server.pages["/1"] = ("text/html", PAGE.format("One", STORY).encode())
        server.pages["/2"] = ("text/html", PAGE.format("Two", story(1)).encode())
        path = tmp_path / "urls.txt"
        path.write_text(
            f"# today\n{server.address}/1\n\n{server.address}/2\n{server.address}/gone\n{server.address}/1\n"
        )
        found = stance.read_press(path, client=web)
    assert [a.source for a in found.articles] == [f"{server.address}/1", f"{server.address}/2"]
    assert [note["source"] for note in found.notes] == [f"{server.address}/gone"]
    assert "404" in found.notes[0]["reason"]


def test_a_text_that_begins_with_an_address_is_an_article(tmp_path):
    path = tmp_path / "story.txt"
    path.write_text("https://paper.example/1\n" + STORY)
    assert len(stance.read_press(path).articles) == 1


RSS = """<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>The Testham Paper</title>
<item><title>Whole</title><link>{0}/whole</link><pubDate>Fri, 06 Sep 2024 09:00:00 GMT</pubDate>
<content:encoded><![CDATA[<p>{1}</p><script>no()</script>]]></content:encoded></item>
<item><title>Short</title><link>{0}/short</link><pubDate>Sat, 07 Sep 2024 09:00:00 GMT</pubDate>
<description>A line.</description></item>
<item><title>Nothing</title></item>
<item><title>Gone</title><link>{0}/gone</link></item>
</channel></rss>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>P</title><entry><title>E</title>
<link href="{0}/e"/><updated>2024-09-08T10:00:00Z</updated><content type="html">&lt;p&gt;{1}&lt;/p&gt;</content>
</entry></feed>"""


@pytest.mark.parametrize("as_file", [True, False])
def test_an_rss_feed(tmp_path, web, as_file):
    with serve(Parliament([])) as server:
        feed = RSS.format(server.address, STORY).encode()
        server.pages["/short"] = ("text/html", PAGE.format("Short", story(2)).encode())
        server.pages["/feed"] = ("application/rss+xml", feed)
        (tmp_path / "feed.xml").write_bytes(feed)
        found = stance.read_press(tmp_path / "feed.xml" if as_file else f"{server.address}/feed", client=web)
    whole, short = found.articles
    assert "We were told nothing" in whole.text
    assert "no()" not in whole.text
    assert (str(whole.date), whole.publisher) == ("2024-09-06", "The Testham Paper")
    assert (str(short.date), short.title) == ("2024-09-07", "Short")
    assert len(found.notes) == 2


def test_an_atom_feed(tmp_path, web):
    (tmp_path / "f.atom").write_text(ATOM.format("https://paper.example", STORY))
    (article,) = stance.read_press(tmp_path / "f.atom", client=web).articles
    assert (str(article.date), article.source) == ("2024-09-08", "https://paper.example/e")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("f.xml", "<html><p>Not found</p></html>", "neither RSS nor Atom"),
        ("f.rss", '<rss version="2.0"><channel><title>x</title></channel></rss>', "no entries"),
        ("q.jsonl", '{"quote_id": "1", "text": "So it is.", "spans": null}', "give the table to `stance score`"),
        ("none.txt", None, "no such file"),
    ],
)
def test_nothing_that_can_be_read(tmp_path, web, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ReadError, match=message):
        stance.read_press(tmp_path / name, client=web)


def test_an_address_that_fails_alone_is_a_network_error(web):
    with serve(Parliament([])) as server, pytest.raises(NetworkError, match="404"):
        stance.read_press(f"{server.address}/gone", client=web)


def test_agency_copy_counts_once_whatever_the_order():
    papers = [Article(f"{STORY}{story(7)}", "long"), Article("Harbour to close\n" + STORY + story(7, 120), "cut"),
              Article(STORY.replace("hard", "difficult") + story(7), "word"), Article(story(8), "other")]  # fmt: skip
    for order in (papers, papers[::-1]):
        table = stance.find_duplicates(order)
        assert sorted(table["source"]) == sorted({"long", "cut", "word", "other"} - {"other", table["copy_of"].iloc[0]})
        assert table["copy_of"].nunique() == 1
        kept, notes = drop_duplicates(order)
        assert len(kept) == 2
        assert len(notes) == 2
    with pytest.raises(InputError, match="similarity=0"):
        stance.find_duplicates(papers, similarity=0)


def test_pairs_of_copies_are_all_found_and_nothing_else():
    """Precision and recall on 120 stories, half of them with one to four copies."""
    articles, truth = [], {}
    for number in range(120):
        text = story(number)
        group = [Article(text, f"{number}")]
        group += [
            Article(rewritten(text, 1000 * number + k), f"{number}-{k}") for k in range(number % 5 if number % 2 else 0)
        ]
        articles += group
        truth |= {a.source: str(number) for a in group}
    table = stance.find_duplicates(articles)
    found = {(row.source.split("-")[0], row.copy_of.split("-")[0]) for row in table.itertuples()}
    assert all(a == b for a, b in found)
    assert len(table) == len(articles) - 120


def test_different_stories_of_one_topic_stay():
    """The same vocabulary in other sentences is another story."""
    assert stance.find_duplicates([Article(story(n), str(n)) for n in range(40)]).empty


def test_the_same_words_in_several_papers_are_one_statement():
    table = pd.DataFrame({
        "text": ["We looked at every other way and found none that the town could pay for.",
                 "found none that the town could pay for", "We looked at every other way, and found none",
                 "We were told nothing until the notice went up on the gate", "no deal",
                 "We were told nothing until the notice went up on the gate"],
        "speaker": [NAMES[1], NAMES[1], None, NAMES[0], NAMES[0], NAMES[2]],
        "source": list("abcabd"),
    })  # fmt: skip
    quotes = stance.as_quotes(table)
    linked = stance.link_statements(quotes)
    ids = linked["statement_id"].tolist()
    assert ids[0] == ids[1] == ids[2] == quotes["quote_id"].iloc[0]
    assert len(set(ids)) == 4  # the same words of two people are two statements
    shuffled = stance.link_statements(quotes.iloc[::-1])
    assert (
        shuffled.set_index("quote_id")["statement_id"].to_dict()
        == linked.set_index("quote_id")["statement_id"].to_dict()
    )


def test_gather_articles_and_debates(tmp_path):
    (tmp_path / "a.txt").write_text(STORY, encoding="utf-8")
    (tmp_path / "b.txt").write_text("Harbour to close.\n" + STORY, encoding="utf-8")
    day = "2024-07-22"
    write_day(tmp_path, day, [heading(day, 1, "Harbours"), speech(day, 2, NAMES[0], "The harbour must stay."),
                              speech(day, 3, NAMES[2], "The town cannot pay.")])  # fmt: skip
    table = stance.gather(tmp_path)
    assert set(table.loc[table["house"].notna(), "speaker"]) == {NAMES[0], NAMES[2]}
    press = table[table["house"].isna()]
    assert set(press["source"]) == {"b.txt"}
    assert press["statement_id"].is_unique
    assert "the same story as b.txt" in set(ledger(table)["reason"])
    assert not any("debates' XML" in reason for reason in ledger(table)["reason"])
    twice = stance.gather(tmp_path, keep_duplicates=True)
    press = twice[twice["house"].isna()]
    assert set(press["source"]) == {"a.txt", "b.txt"}
    assert press["statement_id"].nunique() == len(press) / 2
    assert stance.as_quotes(twice)["quote_id"].is_unique


# --- press against record -----------------------------------------------------------------------


def scores(gap=0.3, people=12, seed=0, quotes=6):
    """Scores of fictional people whose press quotes are ``gap`` above their speeches."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(people):
        own = rng.normal(0.4, 0.05)
        for side in ("speech", "direct"):
            for k in range(quotes):
                value = own + (gap if side == "direct" else 0) + rng.normal(0, 0.05)
                rows.append({"quote_id": f"{number}{side}{k}", "text": "x", "speaker": NAMES[number], "kind": side,
                             "speaker_type": "person", "party": ["Labour", "Conservative"][number % 2],
                             "date": pd.Timestamp("2024-09-06"), "source": f"{side}{k}", "frame": "enforcement",
                             "support": float(np.clip(value, 0, 1))})  # fmt: skip
    return pd.DataFrame(rows)


def test_what_the_press_selects_is_found():
    result = stance.press_against_record(scores(), resamples=500)
    row = result.summary.set_index("group").loc["all people"]
    assert row["difference"] == pytest.approx(0.3, abs=0.05)
    assert row["low"] < 0.3 < row["high"]
    assert row["low"] > 0
    assert row["p_value"] < 0.01
    assert (row["n_people"], row["n_press"], row["n_record"]) == (12, 72, 72)
    assert set(result.summary["group"]) == {"all people", "Labour", "Conservative"}
    assert len(result.people) == 12
    assert (result.people["press_low"] < result.people["press"]).all()
    assert "all people" in repr(result)
    assert "<table" in result._repr_html_()


def test_who_changed_party_counts_in_no_partys_row():
    table = scores()
    table.loc[(table["speaker"] == NAMES[0]) & (table["quote_id"] == "0direct0"), "party"] = "Reform UK"
    result = stance.press_against_record(table, resamples=200)
    counts = result.summary.set_index("group")["n_people"]
    assert (counts["all people"], counts["Labour"], counts["Conservative"]) == (12, 5, 6)
    assert f"1 people with quotes of more than one party ({NAMES[0]})" in "\n".join(result.notes)


def test_intervals_cover_the_truth_where_there_is_no_difference():
    """A seeded simulation: 95% intervals hold a difference of nothing about 95 times in 100."""
    held = 0
    for seed in range(100):
        row = stance.press_against_record(scores(0, 12, seed, 3), resamples=200).summary.iloc[0]
        held += row["low"] <= 0 <= row["high"]
    assert 86 <= held <= 100


def test_a_statement_of_ten_papers_counts_once_and_people_of_one_side_are_listed():
    table = scores(people=4)
    copies = pd.concat([table[table["kind"] == "direct"].head(1)] * 9, ignore_index=True)
    copies["statement_id"] = copies["quote_id"]
    copies["quote_id"] = [f"copy{n}" for n in range(9)]
    alone = table.head(1).assign(quote_id="alone", speaker="Wim Knot")
    table["statement_id"] = table["quote_id"]
    result = stance.press_against_record(pd.concat([table, copies, alone], ignore_index=True), resamples=200)
    assert result.summary["n_press"].iloc[0] == 24
    reasons = [row["reason"] for row in result.left_out]
    assert reasons.count("the same statement in another paper") == 9
    assert reasons.count("in the record alone") == 1
    assert "t interval over people" in result.summary["method"].iloc[0]


def test_two_people_are_described_without_a_test():
    row = stance.press_against_record(scores(people=2), resamples=200).summary.iloc[0]
    assert np.isnan(row["p_value"])
    assert "No test is possible of 2 people" in row["method"]


def test_a_persons_interval_ends_where_scores_end():
    wide = scores(people=4, quotes=3)
    wide["support"] = [0.0, 1.0, 1.0, 1.0, 0.0, 0.0] * 4
    result = stance.press_against_record(wide, resamples=200)
    assert result.people[["press_low", "record_low"]].ge(0).all(axis=None)
    assert result.people[["press_high", "record_high", "high"]].max().max() == 1
    assert any("beyond what the measure allows" in note for note in result.notes)
    fine = stance.press_against_record(scores(), resamples=200)
    assert not any("beyond" in note for note in fine.notes)


def test_quotes_are_scored_on_the_way(toy_scorer):
    table = scores(people=3).drop(columns=["frame", "support"])
    assert len(stance.press_against_record(table, model=toy_scorer, resamples=200, progress=False).summary) >= 2


def test_nobody_in_both():
    table = scores()
    with pytest.raises(TableError, match=r"nobody is both .*12 people in the record"):
        stance.press_against_record(table[table["kind"] == "speech"])
    with pytest.raises(InputError, match="'volume' is not one of"):
        stance.press_against_record(table, measure="volume")


def test_deduplication_is_fast_enough():
    articles = [Article(story(n, 400), str(n)) for n in range(300)]
    begun = time.process_time()
    stance.find_duplicates(articles, progress=False)
    assert time.process_time() - begun < 6  # 50 a second at the least; benchmarks/records.py measures


def test_a_missing_score_takes_a_person_out_of_one_frame_and_not_out_of_the_table():
    table = pd.concat([scores(people=5), scores(people=5).assign(frame="deterrence")], ignore_index=True)
    table.loc[(table["speaker"] == NAMES[0]) & (table["kind"] == "direct") & (table["frame"] == "deterrence"),
              "support"] = np.nan  # fmt: skip
    result = stance.press_against_record(table, resamples=200)
    rows = result.summary.query("group == 'all people'").set_index("frame")
    assert rows["n_people"].to_dict() == {"enforcement": 5, "deterrence": 4}
    assert 0 < rows.loc["deterrence", "p_value"] <= 1
    assert np.isfinite(rows.loc["deterrence", ["press", "difference", "low"]].astype(float)).all()
    reasons = pd.Series([note["reason"] for note in result.left_out]).value_counts().to_dict()
    assert reasons == {"no support for deterrence": 6, "no support on one side for deterrence": 1}
    assert not any("quotes are compared; left out" in note for note in result.notes)
    nobody = table.assign(support=table["support"].where(table["frame"] == "enforcement"))
    assert set(stance.press_against_record(nobody, resamples=200).summary["frame"]) == {"enforcement"}


def test_stories_of_one_name_are_told_apart(tmp_path):
    rows = [{"text": f"{STORY} {n}", "source": "The Gazette", "url": f"https://gazette.example/{n}"} for n in range(3)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, [*rows, rows[0]])), encoding="utf-8")
    found = stance.read_press(tmp_path / "a.jsonl")
    assert [article.source for article in found.articles] == ["The Gazette", "The Gazette (2)", "The Gazette (3)"]
    assert [note["reason"] for note in found.notes] == ["the same page or file, given twice"]


def test_a_day_that_is_given_is_that_of_all(tmp_path, web):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": STORY, "date": "2026-02-01"}), encoding="utf-8")
    (tmp_path / "f.atom").write_text(ATOM.format("https://paper.example", STORY + "More."))
    found = stance.read_press([tmp_path / "a.jsonl", tmp_path / "f.atom"], date="2024-09-06", client=web)
    assert {str(article.date) for article in found.articles} == {"2024-09-06"}


def test_a_feeds_day_is_the_one_that_is_written(tmp_path, web):
    item = (
        "<item><title>T</title><link>https://paper.example/1</link><pubDate>Fri, 05 Jul 2024 00:30:00 +0100</pubDate>"
    )
    body = f"<content:encoded>&lt;p&gt;{STORY}&lt;/p&gt;</content:encoded></item></channel></rss>"
    head = '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>P</title>'
    (tmp_path / "f.xml").write_text(head + item + body, encoding="utf-8")
    (article,) = stance.read_press(tmp_path / "f.xml", client=web).articles
    assert str(article.date) == "2024-07-05"


def test_a_feed_is_asked_again_and_its_pages_are_not(tmp_path):
    with serve(Parliament([])) as server, PoliteClient(rate=500, cache=tmp_path / "kept") as client:
        server.pages["/short"] = ("text/html", PAGE.format("Short", story(2)).encode())
        for more in ("", "<item><title>New</title><link>{0}/new</link></item>"):
            feed = RSS.replace("</channel>", more + "</channel>").format(server.address, STORY)
            server.pages["/feed"] = ("application/rss+xml", feed.encode())
            server.pages["/new"] = ("text/html", PAGE.format("New", story(3)).encode())
            found = stance.read_press(f"{server.address}/feed", client=client)
    assert len(found.articles) == 3


def test_debates_beside_another_file(tmp_path):
    write_day(tmp_path, "2024-07-22", [heading("2024-07-22", 1, "Boats"),
              speech("2024-07-22", 2, "Ada Finch", "<p>We will act on this.</p>")])  # fmt: skip
    (tmp_path / "people.json").write_text("{}", encoding="utf-8")
    table = stance.gather(tmp_path, progress=False)
    assert table["text"].tolist() == ["We will act on this."]
    assert any("people.json" in str(note["source"]) for note in table.attrs["left_out"])
