"""The check itself must find what is wrong: each fault, put into a sound page, is named."""

import pytest

from tests.accessibility import contrast, faults

SOUND = (
    '<!DOCTYPE html><html lang="en-GB"><head><title>t</title><meta name="viewport" content="width=device-width">'
    "<style>body { color: #1a1a1a; background: #ffffff; }</style></head><body><main><h1>One</h1><h2>Two</h2>"
    '<img src="data:," alt="a picture of points"><table><tr><th scope="col">a</th></tr></table>'
    '<label>w <input id="w"></label></main></body></html>'
)


def test_a_sound_page_passes():
    assert faults(SOUND) == []


@pytest.mark.parametrize(
    ("sound", "broken", "fault"),
    [
        (' lang="en-GB"', "", "no language"),
        ("<h2>Two</h2>", "<h3>Two</h3>", "level 3 follows one of level 1"),
        ("<h2>Two</h2>", "<h1>Two</h1>", "2 first-level"),
        (' alt="a picture of points"', "", "without a text"),
        (' scope="col"', "", "without scope"),
        ('<th scope="col">a</th>', "<td>a</td>", "without headers"),
        ("<label>w <input id=\"w\"></label>", '<input id="w">', "without a label"),
        ("color: #1a1a1a", "color: #999999", "contrast 2.8"),
        ("<h2>Two</h2>", '<h2>Two</h2><a href="#x">x</a>', "leads nowhere"),
    ],
)  # fmt: skip
def test_each_fault_is_named(sound, broken, fault):
    assert sound in SOUND
    assert any(fault in found for found in faults(SOUND.replace(sound, broken)))


def test_contrast_as_the_standard_gives_it():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # WCAG's well-known near miss
