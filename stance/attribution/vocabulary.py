"""The words by which the press names roles and bodies, and those that are no part of a name."""

import re

# Words that a capitalised phrase may begin with before it comes to a person's name.
RANKS = {
    "Judge", "Justice", "Recorder", "Cllr", "Councillor", "Alderman", "PC", "DC", "DI", "DCI", "Det", "Detective",
    "Chief", "Inspector", "Insp", "Constable", "Superintendent", "Supt", "Sgt", "Sergeant", "Commander", "Deputy",
    "Assistant", "Commissioner", "Captain", "Capt", "Major", "Colonel", "Col", "General", "Gen", "Admiral", "Canon",
    "Governor", "Gov", "Senator", "Sen", "Rep", "Congressman", "Congresswoman", "Bishop", "Archbishop", "Father",
    "Pastor", "Imam", "Rabbi", "President", "Chancellor", "Mayor", "Ambassador",
}  # fmt: skip
ROLE_WORDS = RANKS | {
    "Home", "Prime", "Shadow", "Secretary", "Minister", "Foreign", "Health", "Education", "Former", "Leader", "Border",
    "Immigration", "Labour", "Conservative", "Tory", "Reform", "Liberal", "Lib", "Dem", "Democrat", "Green", "Party",
    "Leadership", "Candidate", "Director", "Spokesman", "Spokeswoman", "Spokesperson", "Backbencher", "Defence",
    "Security", "Policing", "Tories", "SNP", "Plaid", "Cymru", "UK", "Chair", "Chairman", "Chairwoman", "MP", "MPs",
    "MSP", "Executive", "Treasury", "Downing", "Cabinet", "Opposition", "Speaker", "Sources", "Lords", "Commons",
}  # fmt: skip
NOT_NAMES = {
    "The", "A", "An", "In", "On", "At", "But", "And", "For", "From", "It", "This", "That", "These", "Those", "When",
    "While", "After", "Before", "Since", "Although", "However", "Regarding", "Asked", "Speaking", "Today", "Yesterday",
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "January", "February", "March",
    "April", "June", "July", "August", "September", "October", "November", "December", "Last", "Next", "As",
    "There", "Their", "His", "Her", "We", "They", "He", "She", "I", "You", "If", "Responding", "Meanwhile", "Later",
    "Earlier", "Writing", "Then", "Now", "So", "Yet", "Also", "Both", "One", "Two", "No", "Not", "Dismantling", "To",
    "By", "With", "Of", "Its", "Our", "My", "Your", "What", "Who", "Why", "How", "Where", "Which", "Some", "Many",
    "Most", "All", "Only", "Even", "Adds", "Says", "Said", "Inside", "Under", "Over", "Until", "Winding", "Sentencing",
    "According", "Because", "Despite", "During", "Here", "Back", "Just", "More", "Or", "Mrs", "Mr", "Ms", "Miss",
}  # fmt: skip
ORGANISATION = re.compile(
    r"\b(?:Office|Party|Agency|Council|Department|Directorate|Commission|Police|Association|Union|Government|Ministry|"
    r"Treasury|Service|Committee|Institute|Foundation|Trust|Federation|Border Force|Downing Street|Number 10|No 10|"
    r"Labour|Conservatives|Tories|Liberal Democrats|Lib Dems|Greens|Reform UK|SNP|NCA|UN|EU|BBC|Court|Company|Ltd|"
    r"plc|Network|Action|Watch|International|Group|Centre|Campaign|Alliance|Society|Charity|University|College|"
    r"School|Hospital|Bank|Authority|Board|Church|Inspectorate|Observatory|Coalition|Project|Forum|Parliament|"
    r"Center|Politico|Reuters|Bloomberg|Sun|Mirror|Express|Spectator|Observer|LBC|ITV|Sky|Channel 4|Newsnight|Assembly|"
    r"Cabinet|House|Radio|Times|Guardian|Telegraph|Mail|News|Journal|Bureau|Command|Force|Crown Prosecution)\b"
)
SHORT_FORMS = {
    "NCA": "National Crime Agency", "MoJ": "Ministry of Justice", "MoD": "Ministry of Defence",
    "CPS": "Crown Prosecution Service", "NAO": "National Audit Office", "ONS": "Office for National Statistics",
    "OBR": "Office for Budget Responsibility", "FCDO": "Foreign Office", "DWP": "Department for Work and Pensions",
    "HMRC": "HM Revenue and Customs", "UNHCR": "UN Refugee Agency", "No 10": "Downing Street",
    "Number 10": "Downing Street", "No. 10": "Downing Street", "Number Ten": "Downing Street", "IFS":
    "Institute for Fiscal Studies", "IOM": "International Organization for Migration", "the Met": "Metropolitan Police",
    "Met": "Metropolitan Police", "Scotland Yard": "Metropolitan Police", "the Met Police": "Metropolitan Police",
}  # fmt: skip
ROLE_NOUNS = set(
    "secretary minister leader chancellor mayor president chair director chief executive commissioner spokes mp msp "
    "peer campaigner inspector constable adviser judge councillor captain general head founder manager owner "
    "headteacher teacher professor economist lawyer barrister solicitor analyst officer superintendent bishop "
    "archbishop vicar priest imam rabbi doctor nurse author governor ambassador envoy whip backbencher candidate "
    "prosecutor speaker commander chairperson coordinator editor historian academic researcher activist baroness lord "
    "detective organiser treasurer ombudsman watchdog pm premier recorder magistrate coroner farmer skipper".split()
)
_SAME = {
    "chairman": "chair", "chairwoman": "chair", "chairperson": "chair", "chairs": "chair", "spokesman": "spokes",
    "spokeswoman": "spokes", "spokesperson": "spokes", "cllr": "councillor", "tory": "conservative",
    "tories": "conservative", "conservatives": "conservative", "leads": "leader", "lib": "liberal", "dem": "democrat",
    "dems": "democrat", "democrats": "democrat", "runs": "manager", "represents": "mp", "represented": "mp",
    "advisor": "adviser", "backbencher": "mp", "backbench": "mp", "borders": "border", "member": "mp",
    "ministers": "minister",
}  # fmt: skip
STANDING = {
    "Prof": frozenset({"professor", "academic"}), "Professor": frozenset({"professor", "academic"}),
    "Lord": frozenset({"peer", "lord"}), "Lady": frozenset({"peer", "lady"}),
    "Baroness": frozenset({"peer", "baroness"}), "Rev": frozenset({"vicar", "priest"}),
    "Reverend": frozenset({"vicar", "priest"}),
}  # fmt: skip
_STOP = set("the a an of for at in on to his her its their and who is was has been which that by from with as".split())
SETTING = {
    "prime",
    "shadow",
    "former",
    "deputy",
    "ex",
    "vice",
    "acting",
    "assistant",
    "junior",
}  # these change an office
BODIES = set("charity council union force agency company firm party group organisation thinktank club school".split())


PLACES = set(
    "France Germany Belgium Russia China Ukraine Rwanda Albania Turkey Iran Israel Italy Spain Greece Poland Ireland "
    "Scotland Wales England Britain America Paris Brussels Washington Moscow Beijing Kyiv Berlin Dublin Westminster "
    "Whitehall London Vietnam Iraq Syria Afghanistan India Pakistan Libya Tunisia Calais Kent Dover Europe Republicans "
    "Democrats".split()
)


def role_words(phrase: str) -> frozenset[str]:
    """The words of a role that count, in one form: "the council's leader" -> {"council", "leader"}."""
    words = re.findall(r"[\w-]+", re.sub(r"[’']s?\b", "", phrase.casefold()))
    return frozenset(_SAME.get(word, word) for word in words if word not in _STOP)
