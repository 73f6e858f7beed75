"""The bundled attribution model: what it must find, and texts that must not upset it."""

import importlib.util
import sys
from itertools import pairwise

import pytest

import stance
from stance.articles import Article, read_article
from stance.attribution import extract_quotes, load_attribution_model
from tests.conftest import ROOT, SHARED

# What a careful reader lists of the first article: every quote of Cooper, Jenrick, the government and the Home Office,
# written down before the model was run. The words are the article's own.
COOPER, JENRICK = ("Yvette Cooper", "person", "Labour"), ("Robert Jenrick", "person", "Conservative")
FIRST_ARTICLE = [
    (COOPER, "progress is being made by the government in resolving the asylum backlog and repatriating individuals "
             "who do not have the right to stay in the UK"),
    (COOPER, "the government is committed to combatting people smuggling operations and is collaborating with "
             "European allies to address this criminal activity"),
    (COOPER, "However, there is still work to be done, and the Border Security Command will bring together all "
             "relevant authorities to investigate, apprehend, and prosecute these networks, while strengthening "
             "relationships with key international partners."),
    (COOPER, "These criminal gangs should not remain unaccountable, and that is why we are resolute in pursuing them."),
    (("Home Office", "organisation", None), "the UK Intelligence Community (UKIC) has been utilizing undercover "
     "resources to aid the NCA in disrupting and dismantling criminal networks at every level of operation—from "
     "enablers to funders"),
    (("government", "organisation", None), "could have potentially aided 2,400 individuals in illegally reaching "
     "Britain"),
    (COOPER, "the addition of 100 specialist investigators globally"),
    (JENRICK, "Labour for “surrendering to the smuggling gangs” by discarding the previous government’s plan to "
              "relocate illegal immigrants to Rwanda"),
    (JENRICK, "Today, Yvette Cooper will meet with the National Crime Agency and police chiefs, and they will "
              "reiterate what they conveyed to me during my tenure as minister—that while it is crucial to conduct "
              "this work, it is insufficient. A deterrent mechanism is imperative."),
]  # fmt: skip


def characters(spans):
    return {i for start, end in spans for i in range(start, end)}


def overlap(a, b):
    return len(a & b) / len(a | b)


def test_the_first_article_is_complete():
    path = SHARED / "data" / "articles" / "cooper-2024-09-06.txt"
    if not path.is_file():
        pytest.skip("the research data (../shared/data) is not on this machine")
    article = read_article(path)
    table = extract_quotes(article)
    rows = [(characters(row["spans"]), row) for _, row in table.iterrows()]
    for (name, kind, party), words in FIRST_ARTICLE:
        start = article.text.index(words)
        wanted = set(range(start, start + len(words)))
        best, row = max(rows, key=lambda pair: overlap(wanted, pair[0]))
        assert overlap(wanted, best) >= 0.8, f"not found: {words}; nearest: {row['text']}"
        assert name.casefold() in row["speaker"].casefold(), words
        assert row["speaker_type"] == kind, words
        assert party is None or row["party"] == party, words
    # Nothing else is theirs but the headline.
    spare = [
        row["text"] for found, row in rows
        if row["speaker"] in {"Yvette Cooper", "Robert Jenrick"}
        and not any(overlap(found, set(range(at, at + len(words)))) >= 0.5
                    for _, words in FIRST_ARTICLE for at in [article.text.index(words)])
    ]  # fmt: skip
    assert set(spare) <= {"UK Collaboration with European Partners to Combat People Smuggling"}


def evaluate_module():
    sys.path.insert(0, str(ROOT / "models" / "attribution"))
    try:
        spec = importlib.util.spec_from_file_location("attribution_evaluate", ROOT / "models/attribution/evaluate.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(ROOT / "models" / "attribution"))
        sys.modules.pop("corpus", None)


def test_the_figures_of_the_card():
    path = SHARED / "data" / "attribution" / "polnear-dev.jsonl.gz"
    if not path.is_file():
        pytest.skip("the research data (../shared/data) is not on this machine")
    evaluate = evaluate_module()
    gold = evaluate.read(path)
    found = evaluate.figures(
        evaluate.load_evaluator(SHARED / "eval" / "attribution_eval.py"), gold,
        evaluate.predictions(load_attribution_model(), gold),
    )  # fmt: skip
    asked = {"content chars": 0.90, "content spans": 0.79, "attributed": 0.70, "exact": 0.60}
    assert {name: found[name][2] for name in asked if found[name][2] < asked[name]} == {}


STORY = """The council met in Northby on Tuesday.
“We will build the houses that this town needs,” said Ada Finch, leader of the council. “And we will build them soon.”
Bo Reed, who leads the opposition, said the plan was a waste of money and would be stopped in court."""


def found_in(text):
    table = extract_quotes(Article(text, "t", date="2024-09-06"))
    for _, row in table.iterrows():
        assert row["text"] == " ".join(text[start:end] for start, end in row["spans"])
        assert all(a[1] <= b[0] for a, b in pairwise(row["spans"]))
    return table


@pytest.mark.parametrize("change", [
    lambda s: s,
    lambda s: s.replace("“", '"').replace("”", '"'),
    lambda s: s.replace("“", "‘").replace("”", "’"),
    lambda s: s.replace("“", "'").replace("”", "'"),
    lambda s: s.replace("\n", "\r\n"),
    lambda s: s.replace("\n", "\r"),
    lambda s: s.replace("houses", "hou\u00adses").replace("money", "mo\u00adney"),
    lambda s: s.replace(" ", " \u200b"),
    lambda s: "\ufeff" + s.replace("Northby", "Northby 😀👩‍👩‍👧"),
    lambda s: s.replace("\n", "\n\n\n \t\n"),
], ids=["curly", "straight", "british", "straight single", "crlf", "cr", "soft hyphens", "zero width", "emoji",
        "blank lines"])  # fmt: skip
def test_the_same_story_in_other_typography(change):
    table = found_in(change(STORY))
    said = dict(zip(table["speaker"], table["text"], strict=True))
    assert set(said) == {"Ada Finch", "Bo Reed"}
    ours = change("We will build the houses that this town needs,").strip("\ufeff")
    assert said["Ada Finch"].startswith(ours)
    assert said["Ada Finch"].endswith(change("And we will build them soon.").strip("\ufeff"))
    assert change("waste of money and would be stopped in court").strip("\ufeff") in said["Bo Reed"]


def test_an_opening_mark_at_each_paragraph():
    table = found_in(
        "Speaking after the meeting, Ada Finch said:\n“We have waited for this for ten years.\n"
        "“Today the wait is over.”\nThe works begin in May."
    )
    assert table["text"].tolist() == ["We have waited for this for ten years. Today the wait is over."]
    assert table["speaker"].tolist() == ["Ada Finch"]


def test_no_quotes():
    assert found_in("The bridge was built in 1890. It is 40 metres long.\nIt was painted green in 1954.").empty


def test_all_quotes():
    table = found_in("“We will go.”\n“We will not go.”\n“It is late, and it is dark.”")
    assert table["speaker"].isna().all()


def test_a_live_blog():
    entries = [f"{9 + i // 4:02d}.{15 * (i % 4):02d}\nThe council sits\n{STORY}" for i in range(6)]
    table = found_in("\n\n".join(entries))
    assert table["speaker"].value_counts()["Ada Finch"] == 6


def test_a_hundred_kilobytes():
    text = (STORY + "\n\n") * (100_000 // len(STORY))
    table = found_in(text)
    share = len(table) / (2 * text.count("Tuesday"))
    assert 0.9 <= share <= 1.1


def test_an_odd_quotation_mark_does_not_swallow_the_article():
    table = found_in(STORY.replace("“And we", "“ “And we").replace("soon.”", "soon."))
    assert table["text"].str.len().max() < 150
    assert "Bo Reed" in set(table["speaker"])


def test_both_precisions_find_the_same_quotes():
    texts = [STORY, stance.sample_article().text]
    fast, exact = (load_attribution_model(precision=name)(texts) for name in ("auto", "exact"))
    for ours, theirs in zip(fast, exact, strict=True):
        assert [mark.content for mark in ours] == [mark.content for mark in theirs]
        assert [mark.source for mark in ours] == [mark.source for mark in theirs]


def test_quotes_do_not_depend_on_the_company_they_keep():
    articles = [stance.sample_article(), Article(STORY, "story"), Article("Nothing is said. " * 50, "nothing")]
    together = extract_quotes(articles, precision="exact")
    alone = [extract_quotes(article, precision="exact") for article in articles]
    assert together["quote_id"].tolist() == [name for table in alone for name in table["quote_id"]]
    assert together["confidence"].tolist() == pytest.approx(
        [value for table in alone for value in table["confidence"]], abs=1e-4
    )
