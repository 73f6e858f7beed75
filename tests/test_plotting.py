"""Pictures are tested by what they say and where their words stand, not by pixels."""

import itertools
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import stance
from stance.errors import InputError, TableError
from stance.plotting import group_style


@pytest.fixture(autouse=True)
def close_pictures():
    yield
    plt.close("all")


def study(speakers, per_speaker, seed=0, synthetic=True):
    """Scores of fictional speakers of two parties, one row a quote and frame."""
    rng = np.random.default_rng(seed)
    first, last = "Ada Bo Cal Dee Eve Fay Gus Hal Ivy Jo".split(), "Finch Reed Marsh Vale".split()
    rows = []
    for i, k in itertools.product(range(speakers), range(per_speaker)):
        for frame, base in zip(("enforcement", "deterrence"), (0.7, 0.3) if i % 2 else (0.3, 0.7), strict=True):
            support = float(np.clip(base + rng.normal(0, 0.2), 0, 1))
            rows.append({
                "quote_id": f"q{i}-{k}", "text": "words", "speaker": f"{first[i % 10]} {last[i // 10]}",
                "party": ["Labour", "Conservative"][i % 2], "frame": frame, "support": support, "oppose": 0.1,
                "stance": support - 0.1, "date": pd.Timestamp("2023-01-15") + pd.Timedelta(days=int(i * 37 + k) % 700),
                "speaker_confidence": 0.55 + 0.04 * k, "synthetic": synthetic,
            })  # fmt: skip
    return pd.DataFrame(rows)


def words_of(ax):
    return " ".join(" ".join(t.get_text() for t in ax.findobj(plt.Text) if t.get_visible()).split())


def overlaps(ax, texts):
    ax.figure.canvas.draw()
    boxes = [t.get_window_extent() for t in texts]
    return [(a, b) for a, b in itertools.combinations(range(len(boxes)), 2) if boxes[a].overlaps(boxes[b])]


@pytest.mark.parametrize(("speakers", "per"), [(2, 2), (40, 15)])
def test_no_word_of_the_plane_covers_another(speakers, per):
    ax = stance.plot_plane(study(speakers, per))
    names = [t for t in ax.texts[1:]]
    assert len(names) >= min(speakers, 15)
    assert overlaps(ax, names) == []
    hidden = speakers - len(names)
    assert (f"{hidden} of 40 names have no room" in words_of(ax)) is (hidden > 0)


@pytest.mark.parametrize(("speakers", "per"), [(2, 2), (40, 15)])
@pytest.mark.parametrize("width", ["single", "double"])
def test_no_word_of_the_comparison_covers_another(speakers, per, width):
    comparison = stance.compare(study(speakers, per), "Labour", "Conservative", resamples=100)
    with stance.style(width):
        ax = comparison.plot()
        assert overlaps(ax, ax.texts) == []
        assert ax.figure.get_figwidth() == {"single": 3.5, "double": 7.2}[width]


def test_the_comparison_says_the_difference_naive_and_corrected():
    comparison = stance.compare(study(20, 5), "Labour", "Conservative", resamples=100)
    line = comparison.summary.iloc[0]
    assert f"difference {line.difference:+.2f} [{line.low:+.2f}, {line.high:+.2f}]" in words_of(comparison.plot())
    comparison.summary["corrected"], comparison.summary["corrected_low"] = -0.31, -0.5
    comparison.summary["corrected_high"] = -0.1
    said = words_of(comparison.plot())
    assert "corrected -0.31 [-0.50, -0.10]" in said
    assert "corrected by human codes" in said
    assert "too few speakers" in words_of(stance.compare(study(2, 2), resamples=100).plot())


def test_every_picture_of_fictional_quotes_says_so():
    scores = study(8, 4)
    for draw in (stance.plot_quotes, stance.plot_plane, stance.plot_timeline, stance.plot_attribution):
        ax = draw(scores)
        assert "FICTIONAL QUOTES" in words_of(ax), draw.__name__
        assert "32 quotes of 8 named speakers" in words_of(ax)
        assert "FICTIONAL" not in words_of(draw(scores.assign(synthetic=False)))


def test_pictures_of_tables_made_from_fictional_quotes_say_so_too():
    scores = study(8, 10)
    scores["text"] = [f"gangs and {party} boats" for party in scores["party"]]
    found = stance.words(scores, "Labour", "Conservative")
    assert "FICTIONAL QUOTES" in words_of(stance.plot_words(found))
    found = stance.words(scores.assign(synthetic=False), "Labour", "Conservative")
    assert "FICTIONAL" not in words_of(stance.plot_words(found))
    curve = pd.DataFrame({"frame": ["f"], "specification": ["a"], "kind": ["default"], "difference": [0.2]})
    curve.attrs["synthetic"] = True
    assert "FICTIONAL QUOTES" in words_of(stance.plot_multiverse(curve))


def test_the_timeline_has_events_intervals_and_counts_the_undated():
    scores = study(20, 5)
    scores.loc[:9, "date"] = pd.NaT
    ax = stance.plot_timeline(scores, events={"2024-07-04": "general election", "2023-06-01": "an act"})
    assert "5 quotes without a date" in words_of(ax)
    assert {"general election", "an act"} <= {t.get_text() for t in ax.texts}
    labour = next(line for line in ax.lines if line.get_label() == "Labour")
    part = scores[(scores.party == "Labour") & (scores.frame == "enforcement") & scores.date.notna()]
    first = part[part.date.dt.to_period("Q") == part.date.min().to_period("Q")]
    assert labour.get_ydata()[0] == pytest.approx(first.groupby("speaker")["support"].mean().mean())
    with pytest.raises(InputError, match="'soon'; write it as YYYY"):
        stance.plot_timeline(scores, events={"soon": "x"})
    with pytest.raises(InputError, match="over='decade'"):
        stance.plot_timeline(scores, over="decade")
    with pytest.raises(TableError, match="no quote has a date"):
        stance.plot_timeline(scores.assign(date=pd.NaT))


def test_the_specification_curve_is_sorted_and_counted():
    table = pd.DataFrame({"frame": "f", "specification": list("abcd"), "kind": ["all", "one", "one", "one"],
                          "difference": [0.2, -0.1, 0.3, np.nan]})  # fmt: skip
    ax = stance.plot_multiverse(table)
    points = np.concatenate([c.get_offsets() for c in ax.collections])
    assert sorted(points[:, 0]) == [0, 1, 2]
    assert [y for _, y in sorted(map(tuple, points))] == [-0.1, 0.2, 0.3]
    assert "2 of 3 differences are above zero, 1 below" in words_of(ax)
    with pytest.raises(InputError, match="it has f"):
        stance.plot_multiverse(table, "g")


def test_calibration_reliability_and_words():
    table = pd.DataFrame({"frame": "f", "group": ["all", "all", "Labour"], "mean_score": [0.2, 0.8, 0.5],
                          "share_coded": [0.1, 0.9, 0.5], "n": [10, 5, 0]})  # fmt: skip
    assert "all (n = 15)" in words_of(stance.plot_calibration(table))
    ax = stance.plot_reliability(
        pd.DataFrame({"frame": ["f"], "alpha": [0.743], "low": [-0.2], "high": [0.9], "n_units": [40]})
    )
    assert "f (n = 40)" in words_of(ax)
    assert "0.74" in words_of(ax)
    assert ax.get_xlim()[0] < -0.2
    words = pd.DataFrame({"word": ["gangs", "rwanda", "boats"], "z": [4.0, -3.0, 0.5],
                          "group": ["Labour", "Conservative", "Labour"]})  # fmt: skip
    ax = stance.plot_words(words, top=1)
    assert {"gangs", "rwanda"} <= {t.get_text() for t in ax.texts}
    assert "boats" not in words_of(ax)


def test_confidence_in_speakers_counts_every_quote_once():
    scores = study(4, 3)
    scores.loc[scores.quote_id == "q0-0", ["speaker", "speaker_confidence"]] = [None, np.nan]
    scores.loc[scores.quote_id == "q1-0", "speaker_confidence"] = np.nan
    ax = stance.plot_attribution(scores)
    assert sum(bar.get_height() for bar in ax.patches) == 12
    assert "11 of 12 have a speaker" in words_of(ax)


def test_parties_are_told_apart_by_colour_shape_and_hatch():
    looks = group_style(["Labour", "Conservative", "Reform UK", "Unity", "Other", "not known"])
    for part in ("colour", "marker", "hatch"):
        assert len({getattr(look, part) for look in looks.values()}) == 6


@pytest.mark.filterwarnings("ignore:Only")
def test_a_party_looks_the_same_in_every_picture_of_a_table():
    scores = study(9, 12)
    names = ["Kettle Union", "Heron Party", "Alder Group"]
    scores["party"] = [names[i] for i in scores["speaker"].factorize()[0] % 3]
    scores["text"] = ["gangs boats " + party for party in scores["party"]]

    def colours(ax):
        found = {}
        for handle in ax.get_legend().legend_handles:
            colour = handle.get_facecolor() if hasattr(handle, "get_facecolor") else handle.get_color()
            colour = colour if isinstance(colour, str) else np.ravel(colour)[:4]
            found[handle.get_label().removesuffix(" (mean)")] = plt.matplotlib.colors.to_hex(colour)
        return found

    looks = {name: look.colour.lower() for name, look in group_style(sorted(names)).items()}
    comparison = stance.compare(scores, "Kettle Union", "Heron Party", resamples=100)
    for ax in (stance.plot_plane(scores), stance.plot_timeline(scores.iloc[::-1]), comparison.plot()):
        found = colours(ax)
        assert len(found) >= 2
        assert all(looks[name] == colour for name, colour in found.items())
    words = stance.plot_words(stance.words(scores, "Kettle Union", "Heron Party"))
    assert colours(words) == {name: looks[name] for name in ("Kettle Union", "Heron Party")}
    many = group_style([f"party {i:02}" for i in range(20)])
    assert len(set(many.values())) == 20


def test_an_organisation_is_no_speaker():
    scores = study(4, 3).assign(speaker_type="person")
    scores.loc[scores["speaker"] == "Ada Finch", ["speaker", "speaker_type"]] = ["Conservative", "organisation"]
    ax = stance.plot_plane(scores)
    assert "12 quotes of 3 named speakers and 1 organisation" in words_of(ax)
    assert "Conservative" not in [t.get_text() for t in ax.texts]
    line = next(h for h in stance.plot_timeline(scores, over="year").lines if h.get_label() == "Labour")
    persons = scores[(scores["party"] == "Labour") & (scores["frame"] == "enforcement") & (scores["speaker_type"] ==
                     "person")]  # fmt: skip
    assert line.get_ydata() == pytest.approx(persons.groupby([persons["date"].dt.year, "speaker"])["support"].mean()
                                             .groupby("date").mean().to_numpy())  # fmt: skip


def test_the_timeline_of_a_few_months_has_a_point_a_month_and_says_so():
    scores = study(20, 5)
    long = stance.plot_timeline(scores)
    assert long.get_xlabel() == "quarter"
    assert "2023 Q1" in words_of(long)
    scores["date"] = pd.to_datetime("2025-01-03") + pd.to_timedelta(np.arange(len(scores)) % 88, unit="D")
    ax = stance.plot_timeline(scores)
    assert ax.get_xlabel() == "month"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["2025-01", "2025-02", "2025-03"]
    assert len(next(line for line in ax.lines if line.get_label() == "Labour").get_xdata()) == 3
    assert "by month" in words_of(ax)


def test_a_picture_draws_where_it_is_told_and_leaves_the_settings_alone():
    before = dict(plt.rcParams)
    mine = plt.subplots()[1]
    scores = study(4, 3)
    assert stance.plot_quotes(scores, ax=mine) is mine
    with stance.style():
        assert plt.rcParams["savefig.dpi"] == 300
    assert dict(plt.rcParams) == before
    with pytest.raises(InputError, match="width='wide'"), stance.style("wide"):
        pass
    with pytest.raises(TableError, match="no column 'frame'"):
        stance.plot_quotes(pd.DataFrame({"quote_id": ["a"]}))
    with pytest.raises(InputError, match="two frames"):
        stance.plot_plane(scores[scores["frame"] == "enforcement"])
    with pytest.raises(TableError, match="no rows"):
        stance.plot_plane(scores.iloc[:0])


@pytest.mark.parametrize(
    ("over", "named"), [("quarter", r"enforcement · \d{4}Q[1-4]"), ("year", r"enforcement · \d{4}")]
)
def test_a_comparison_over_time_names_its_periods(over, named):
    found = stance.compare(study(8, 6), "Labour", "Conservative", over=over, resamples=1000)
    heads = [
        text.get_text() for text in stance.plot_comparison(found).texts if text.get_text().startswith("enforcement")
    ]
    assert heads
    assert all(re.fullmatch(named, head) for head in heads), heads
