"""Who is who: names, parties and offices by date."""

from stance.people.names import PARTY_WORDS as PARTY_WORDS
from stance.people.names import TITLES as TITLES
from stance.people.names import bare_name as bare_name
from stance.people.names import gender_of_name as gender_of_name
from stance.people.names import gender_of_title as gender_of_title
from stance.people.names import party_named as party_named
from stance.people.parties import add_parties as add_parties
from stance.people.parties import party_of as party_of
from stance.people.roster import Roster as Roster
from stance.people.roster import roster as roster
from stance.people.updating import update_roster as update_roster
