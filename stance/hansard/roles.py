"""What a contribution is: speech, intervention, question or answer; and who speaks from the Chair."""

import re
from collections.abc import Sequence

from stance.hansard.records import Contribution

LONGEST_INTERVENTION = 300  # words
CHAIR = re.compile(
    r"^(?:Mr\.? |Madam |The |Mrs?\.? )?(?:Deputy |Temporary |First |Second |Acting |Principal )*"
    r"(?:Speaker|Chair|Chairman|Chairwoman|Chairman of Committees|Lord Speaker|Chairman of Ways and Means)\b"
    r"|^(?:The )?(?:Senior )?(?:Deputy )?Lord Speaker\b|\bin the Chair\b", re.IGNORECASE)  # fmt: skip
# What nobody but the occupant of the Chair says at the head of a contribution.
_CHAIR_WORDS = re.compile(
    r"^(?:Order[.,!—]|I (?:now )?call (?:the (?:shadow )?(?:Minister|Secretary|Prime|Leader|Chair)|"
    r"[A-Z][\w.’'-]+ [A-Z])|The Question is\b|I must inform the House|I have to notify)"
)
_NOBODY = re.compile(r"^(?:(?:Several |Some |An? )?(?:hon\.?|right hon\.?|noble) (?:Members?|Lords?)|"
                     r"(?:My|The) (?:right )?(?:hon|noble)\b.*|Members?|The (?:Clerk|Lords?)|Noble Lords)[:.]?$",
                     re.IGNORECASE)  # fmt: skip
_GIVE_WAY = re.compile(r"^(?:Will|Would)\b[^.?]{0,90}\bgive way\?|\bfor (?:graciously |kindly )?giving way\b|"
                       r"\bfor (?:taking|allowing) (?:my|this|an) intervention\b", re.IGNORECASE)  # fmt: skip
_STATEMENT = re.compile(r"^With (?:your )?permission\b.{0,90}\bstatement\b", re.IGNORECASE)
_QUESTION_TIME = re.compile(r"\b(?:Oral Answers|Oral Questions|Topical Questions|Urgent Question|Engagements|"
                            r"Private Notice Question)\b", re.IGNORECASE)  # fmt: skip
_ASKED = re.compile(r"^\(Urgent Question\)|^To ask (?:the|His|Her)\b|^(?:\d+\. )?What (?:steps|recent|assessment)\b|"
                    r"^\(Private Notice Question\)", re.IGNORECASE)  # fmt: skip


def is_chair(item: Contribution, party: str | None) -> bool:
    """Whether the Chair speaks: by the name or office printed, by the party at the date, or by its words."""
    printed = [text for text in (item.name, item.office) if text]
    if any(CHAIR.search(text) for text in printed) or (party or "").casefold() in {"speaker", "deputy speaker"}:
        return True
    return item.words <= 120 and bool(_CHAIR_WORDS.match(item.text))


def is_nobody(item: Contribution) -> bool:
    """Whether no single person speaks: no name, "Hon. Members", or a form of address such as
    "My right hon. Friend the Member for …", which is never a name."""
    return not item.name or bool(_NOBODY.match(item.name.strip()))


def by_hint(item: Contribution) -> str | None:
    """What the record itself calls the contribution, where it does."""
    hint = item.hint.casefold()
    for word, role in (("answer", "answer"), ("question", "question"), ("intervention", "intervention")):
        if word in hint:
            return role
    return None


def role_alone(item: Contribution) -> str:
    """What a contribution is, from itself: for search results, which come without their neighbours."""
    found = by_hint(item)
    if found:
        return found
    if item.words <= LONGEST_INTERVENTION and _GIVE_WAY.search(item.text):
        return "intervention"
    if _ASKED.match(item.text):
        return "question"
    if _QUESTION_TIME.search(f"{item.debate} {item.hint}"):
        return "answer" if item.office else "question"
    return "speech"


def set_roles(section: Sequence[Contribution], *, question_time: bool = False) -> None:
    """Sets ``role`` of the members' contributions under one heading, in their order, the Chair left out.

    At question time, and after a minister's statement, whoever answered first answers, and the others ask. In a
    debate somebody holds the floor; a short contribution of another between two of theirs is an intervention.
    """
    if not section:
        return
    first = section[0]
    keys = [item.person_id or item.name for item in section]
    statement = bool(_STATEMENT.match(first.text))
    asked = question_time or by_hint(first) == "question" or bool(_ASKED.match(first.text))
    asked = asked or bool(_QUESTION_TIME.search(first.debate))
    if statement or asked:
        answers = keys[0] if statement else next((key for key in keys if key != keys[0]), None)
        for number, (item, key) in enumerate(zip(section, keys, strict=True)):
            told = "speech" if statement and number == 0 else "answer" if key == answers else "question"
            item.role = by_hint(item) or told
        return
    floor = keys[0]
    for number, (item, key) in enumerate(zip(section, keys, strict=True)):
        found = by_hint(item)
        if found is None and key != floor:
            back = floor in keys[number + 1 : number + 3]  # the floor returns at once, or after one more intervention
            short = item.words <= LONGEST_INTERVENTION
            found = "intervention" if short and (back or _GIVE_WAY.search(item.text)) else None
        if found is None:
            floor = key
        item.role = found or "speech"
