import numpy as np
import pandas as pd
import pytest

import stance
from stance.errors import InputError
from stance.explanation import without_spans
from tests.study import TOY_BOOK

QUOTE = 'The weather was fine. We will arrest the smugglers & seize <their> boats quickly, said "nobody" today.'


def keyword(pairs):
    """P(entailment) = 0.1, and 0.4 for each of two words of the premise; the rest does not matter."""
    hit = np.array([0.1 + 0.4 * ("arrest" in p) + 0.4 * ("smugglers" in p) for p, _ in pairs])
    return np.stack([hit, (1 - hit) / 2, (1 - hit) / 2], axis=1)


def test_it_names_the_words_that_matter_and_only_those():
    found = stance.explain(QUOTE, "enforcement", model=keyword)
    assert found.score == pytest.approx(0.9)
    assert found.named == ("arrest", "smugglers")
    effects = found.table[found.table.unit == "word"].set_index("text")["effect"]
    assert effects["arrest"] == pytest.approx(0.4)
    assert effects.drop(["arrest", "smugglers"]).abs().max() == pytest.approx(0)
    sentences = found.table[found.table.unit == "sentence"]["effect"].tolist()
    assert sentences == pytest.approx([0, 0.8])


def test_leaving_out_what_it_names_moves_the_score_most():
    found = stance.explain(QUOTE, "enforcement", model=keyword)
    assert found.drop == pytest.approx(0.8)
    assert max(found.other_drops) == pytest.approx(0)
    assert found.complete is True
    assert "falls by 0.80; without 2 other words, by 0.00 at most" in found.note()


def test_words_that_act_together_are_admitted():
    def either(pairs):
        """Any one of two words is enough: neither matters by itself, and something else is named."""
        weak = [0.02 * ("fine" in p) + 0.01 * ("sunny" in p) for p, _ in pairs]
        hit = np.array([0.1 + 0.7 * ("arrest" in p or "seize" in p) for p, _ in pairs]) + weak
        return np.stack([hit, (1 - hit) / 2, (1 - hit) / 2], axis=1)

    found = stance.explain("It is fine and sunny: arrest, seize.", "enforcement", model=either)
    assert found.named == ("fine", "sunny")
    assert found.drop == pytest.approx(0.03)
    assert max(found.other_drops) == pytest.approx(0.7)
    assert found.complete is False
    assert "do not read the highlights" in found.note()
    flat = stance.explain("Good morning to you all, dear friends.", "enforcement", model=keyword)
    assert flat.named == ()
    assert flat.complete is None
    assert "nothing is named" in repr(flat)


def test_a_score_that_rises_without_words_is_said_to_rise():
    found = stance.explanation.Explanation("q", "f", "support", 0.4, pd.DataFrame(), ("a",), 0.3, (-0.05, -0.2))
    assert (
        found.note() == "Without “a” the score falls by 0.30; without 1 other word it rises by 0.05 or more in 2 draws."
    )
    found = stance.explanation.Explanation("q", "f", "support", 0.4, pd.DataFrame(), ("a",), -0.02, (-0.004,))
    assert "the score rises by 0.02; without 1 other word, by 0.00 at most" in found.note()


def test_what_is_explained_is_the_score_of_the_table():
    class Keywords:
        name, sha256, max_tokens, temperature = "keywords", "1", 99, 1.0

        def __call__(self, pairs):
            return keyword(pairs)

    texts = ["arrest the smugglers", "arrest them", "smugglers", "nothing", "no"] * 8
    codes = np.column_stack([[0, 0, 0, 1, 1] * 8, [np.nan] * 40])  # the other way round than zero-shot
    head = stance.StanceScorer(None, Keywords()).fit(texts, codes, groups=[f"s{i % 10}" for i in range(40)])
    assert list(head.heads_) == ["enforcement"]
    scores = stance.score([QUOTE], None, Keywords(), head=head)
    found = stance.explain(QUOTE, "enforcement", model=Keywords(), head=head)
    assert found.score == pytest.approx(scores.loc[0, "support"])
    assert "fitted head “your own”" in repr(found)
    plain = stance.explain(QUOTE, "enforcement", model=Keywords(), head=False)
    assert plain.score == pytest.approx(0.9)
    assert "(zero-shot)" in plain._repr_html_()


def test_a_long_quote_is_explained_by_all_of_its_windows():
    class Windowed:
        name, sha256, max_tokens, temperature = "windowed", "1", 9, 1.0

        def windows(self, text, hypotheses):
            half = text.find(" | ")
            return [(0, half), (half + 3, len(text))] if half > 0 else [(0, len(text))]

        def __call__(self, pairs):
            return keyword(pairs)

    found = stance.explain("The weather was fine | We will arrest the smugglers", "enforcement", model=Windowed())
    assert found.score == pytest.approx(0.9)
    assert found.named == ("arrest", "smugglers")
    apart = stance.explain("They arrest | the smugglers", "enforcement", model=Windowed())
    assert apart.score == pytest.approx(0.5)  # no window holds both words


def test_offsets_point_at_the_words_and_the_html_is_escaped():
    found = stance.explain(QUOTE, "enforcement", model=keyword)
    for row in found.table.itertuples():
        assert QUOTE[row.start : row.end] == row.text
    html = found._repr_html_()
    assert "&lt;" in html
    assert "<their>" not in html
    assert "&amp;" in html
    text = pd.Series(html).str.extract(r"line-height:1.7\">(.*?)</p>")[0][0]
    assert pd.Series([text]).str.replace(r"</?span[^>]*>", "", regex=True)[0].count("smugglers") == 1


def test_the_order_of_removal_does_not_matter():
    assert without_spans("one two three", [(0, 3), (8, 13)]) == "two"
    assert without_spans("one", [(0, 3)]) == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frame": "weather"}, "it has enforcement, deterrence"),
        ({"quote": "  "}, "blank"),
        ({"measure": "mood"}, "support, oppose, stance"),
    ],
)
def test_it_refuses_what_it_cannot_explain(arguments, message):
    with pytest.raises(InputError, match=message):
        stance.explain(**{"quote": QUOTE, "frame": "enforcement", "model": keyword, **arguments})


def test_the_bundled_model_is_explained_in_a_few_seconds():
    found = stance.explain("We will arrest the smugglers who run this vile trade.", "enforcement")
    assert len(found.table[found.table.unit == "word"]) == 10
    assert np.isfinite(found.table["effect"]).all()


def test_a_stance_below_zero_names_the_words_that_lower_it():
    def against(pairs):
        hit = np.array([0.05 + 0.8 * (h.startswith("y") and "mercy" in p) for p, h in pairs])
        return np.stack([hit, (1 - hit) / 2, (1 - hit) / 2], axis=1)

    found = stance.explain("We want mercy for all of these people today.", "x", TOY_BOOK, against, measure="stance")
    assert found.score == pytest.approx(-0.8)
    assert found.named == ("mercy",)
    assert found.complete is True
    assert "rises by 0.80" in found.note()
