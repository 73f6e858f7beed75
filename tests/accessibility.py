"""What a page must have for readers who hear it, enlarge it, or see little contrast: checked on its HTML."""

import re

from lxml import html

LEAST_CONTRAST = 4.5  # WCAG 2.2, level AA, text of normal size


def faults(page: str) -> list[str]:
    """Everything that is wrong, in words; an empty list for a page that passes."""
    tree = html.fromstring(page)
    return [*_document(tree), *_headings(tree), *_pictures(tree), *_tables(tree), *_controls(tree), *_contrast(page)]


def _document(tree):
    if not tree.get("lang"):
        yield "the page has no language"
    if not (tree.findtext(".//title") or "").strip():
        yield "the page has no title"
    if not tree.xpath("//meta[@name='viewport']"):
        yield "the page is not made for narrow screens (no viewport)"
    if len(tree.xpath("//main")) != 1:
        yield "the page has not exactly one main part"
    ids = tree.xpath("//@id")
    yield from (f"the id {name!r} stands twice" for name in {i for i in ids if ids.count(i) > 1})
    yield from (f"the link {href} leads nowhere" for href in tree.xpath("//a/@href") if href[1:] not in ids)


def _headings(tree):
    levels = [int(h.tag[1]) for h in tree.iter("h1", "h2", "h3", "h4", "h5", "h6")]
    if levels.count(1) != 1:
        yield f"{levels.count(1)} first-level headings"
    for before, after in zip([0, *levels], levels, strict=False):
        if after > before + 1:
            yield f"a heading of level {after} follows one of level {before}"
    yield from ("an empty heading" for h in tree.iter("h1", "h2", "h3") if not h.text_content().strip())


def _pictures(tree):
    yield from ("a picture without a text for it" for image in tree.iter("img") if len(image.get("alt", "")) < 10)


def _tables(tree):
    for table in tree.iter("table"):
        heads = list(table.iter("th"))
        if not heads:
            yield "a table without headers"
        yield from (f"a header without scope: {h.text_content()[:30]!r}" for h in heads if not h.get("scope"))
        yield from ("an empty header" for h in heads if not h.text_content().strip())


def _controls(tree):
    for control in tree.iter("input", "select", "textarea"):
        labelled = control.get("aria-label") or any(p.tag == "label" for p in control.iterancestors())
        if not labelled:
            yield f"a control without a label: {control.get('id')}"
    yield from ("a summary without words" for s in tree.iter("summary") if not s.text_content().strip())


def _contrast(page):
    """Every colour of a rule against its own background, else against the page's."""
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    ground = re.search(r"body \{[^}]*background: (#[0-9a-f]{6})", style)[1]
    for rule, content in re.findall(r"([^{}]+)\{([^{}]*)\}", style):
        colour = re.search(r"(?<![-\w])color: (#[0-9a-fA-F]{3,6})\b", content)
        own = re.search(r"background: (#[0-9a-fA-F]{3,6})\b", content)
        pairs = [(colour[1] if colour else "#1a1a1a", own[1] if own else ground)]
        pairs += [(colour[1], "#f4f6f8"), (colour[1], "#fff6d6")] if colour and not own else []
        for front, back in pairs:
            found = contrast(front, back)
            if found < LEAST_CONTRAST:
                yield f"{rule.strip()}: contrast {found:.1f} of {front} on {back}"


def contrast(front: str, back: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""

    def light(colour):
        digits = colour.lstrip("#")
        digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(front), light(back)), reverse=True)
    return (high + 0.05) / (low + 0.05)
