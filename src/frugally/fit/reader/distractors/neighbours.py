"""Near neighbours and opposites: what a common noun or adjective may be exchanged for.

Jia and Liang take antonyms from WordNet; here a table has sets of words, parted by |, of which none
can stand for another in a true sentence. A word becomes another of its set, and keeps its plural.
The sets were written for the commonest words of SQuAD's training questions without names.
"""

from __future__ import annotations

import random
from collections.abc import Container

_NUMBERS = "two three four five six seven eight nine ten eleven twelve twenty thirty"
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth"

# Words with a regular plural; both forms are exchanged.
_NOUNS = """
actor musician painter | film novel song opera poem | album magazine newspaper | teacher pupil
student lecturer | professor librarian | school hospital factory | college seminary
university monastery museum | king bishop general | queen duchess | president ambassador
governor judge | emperor admiral | prince baron | pope cardinal | senator sheriff | mayor
minister bishop | army navy | soldier sailor farmer | war famine plague | battle festival parade
battalion brigade | invasion earthquake flood | weapon uniform | missile tank | attack retreat
attacker defender | river mountain lake desert | island valley | ocean glacier | coast plateau
forest swamp | hill bay | city village province | country county | town suburb | capital port
region district | street bridge | state parish | nation tribe | border railway | empire republic
kingdom colony | continent peninsula | building garden | castle abbey | palace prison
tower cellar | church theatre | temple stadium | house barn | roof floor | wall window
door stair | room courtyard | airport harbour | station depot | road canal | ship train
car lorry bicycle | aircraft submarine | engine brake | wheel mast | cell bone | gene hormone
protein vitamin | bacterium | virus parasite | organ muscle | brain liver | heart kidney | eye ear
hand foot | lung stomach | skin skull | vaccine tonic | drug perfume | disease injury
patient visitor | doctor lawyer | nurse cook | pharmacist dentist | symptom scar | plant animal
tree mushroom | insect reptile | bird fish | dog cat horse | cow pig | wolf bear | leaf
seed feather | root blossom | egg tail | mammal mollusc | predator scavenger | wing claw
oxygen nitrogen | hydrogen helium | carbon sulphur | iron lead | copper tin zinc | gold silver
uranium platinum | metal gas liquid | water oil | steam smoke | air sand | ice mud | wood stone
paper glass | cotton silk wool | brick timber | coal peat | salt sugar | acid alkali
alloy crystal | atom planet | electron photon | proton neutron | star comet | moon sun
galaxy asteroid | force temperature | mass charge | energy friction | speed depth | weight height
pressure volume | voltage density | current magnet | light sound | wave lens | circuit antenna
heat noise | computer telephone | machine instrument | software furniture | network archive
device garment | television radio | game painting | programme lecture | episode verse
channel journal | video atlas | theory experiment | theorem recipe | equation diagram
problem ritual | algorithm dialect | number letter | concept device | definition picture
proof rumour | science sport | discipline hobby | physics chemistry | mathematics geography
biology astronomy | history music | philosophy medicine | law custom | court council
treaty lawsuit | crime marriage | constitution anthem | statute chronicle | right duty | vote tax
election coronation | party choir | parliament orchestra | government militia | committee fleet
policy ceremony | leader servant | member guest | citizen foreigner | protest wedding
company charity | bank bakery | worker manager | employer tenant | product ornament
market festival | price colour | wage height | money grain | trade warfare | industry fishery
economy climate | farmer banker | merchant priest | consumer inventor | customer rival
budget garrison | loan gift | team orchestra | player referee | coach captain | season tournament
match concert | stadium library | club academy | ball net | quarterback goalkeeper
touchdown penalty | league brotherhood | god demon | priest merchant | religion language
prayer dance | bible almanac | sermon speech | saint king | belief fear | faith wealth
mosque harbour | monk soldier | missionary sailor | child adult | man woman | boy girl
father mother | son daughter | brother sister | husband wife | family crew | uncle aunt
friend enemy | person horse | people horses | baby widow | author sculptor | writer architect
artist scientist | singer dancer | composer poet | scholar athlete | engineer gardener
scientist priest | designer printer | explorer painter | founder critic | book statue
letter coin | word gesture | sentence melody | poem map | title emblem | text costume
language religion | alphabet calendar | dialect cuisine | name flag | symbol weapon | term song
music dance | instrument costume | melody proverb | guitar trumpet | drum violin | concert lecture
art trade | style price | culture climate | painting carpet | tradition invention | museum harbour
day night | week century | month decade | morning evening | spring autumn | summer winter
era reign | birth marriage | death birth | age weight | beginning end | start finish | past future
north south | east west | northern southern | eastern western | northeast southwest | top bottom
left right | front back | center edge | centre edge | middle margin | inside outside
surface core | population rainfall | area budget | size age | length width | distance temperature
height weight | increase decrease | growth decline | rise fall | gain loss | success failure
advantage drawback | cause remedy | benefit danger | effect origin | result origin | goal obstacle
purpose size | reason price | solution hazard | strength weakness | support opposition
victory defeat | majority minority | maximum minimum | difference similarity | change delay
use sale | role income | example rival | part cover | component label | element label
feature defect | structure colour | system tool | process material | method place | technique site
technology ceremony | model rival | group rival | organization ceremony | organisation ceremony
organism mineral | species mineral | research farming | study trial | data grain
information furniture | evidence timber | knowledge gold | education transport | training clothing
degree medal | exam interview | curriculum menu | development decline | production consumption
construction demolition | creation destruction | service statue | agency monastery
project voyage | event building | function shape | property shape | interpretation translation
relationship quarrel | movement dynasty | community garrison | power beauty | control storage
access damage | security comfort | freedom wealth | peace war | food clothing | meal bath
beer milk | wine tea | fruit bread | meat rice | crop herd | storm drought | weather soil
earthquake eclipse | soil snow | season harvest | fire flood | colony monastery | settler trader
slave knight | rebel guard | immigrant pilgrim | treatment celebration | bomb bell | gun sword
prisoner pilot | refugee tourist | strategy costume | flight voyage | chloroplast nucleus
membrane spore | antibody enzyme | pathogen nutrient | tissue fluid | pigment toxin | prime square
integer fraction | complexity symmetry | machine garden | input output | field tower
union brotherhood | commission regiment | directive banknote | mutiny feast | contract portrait
inequality pollution | income rainfall | poverty disease | tax bridge | wealth height
"""

# Words that have no plural, or one form only.
_OTHERS = f"""
{_NUMBERS} | {_ORDINALS} | large small | larger smaller | largest smallest | big tiny
bigger smaller | biggest smallest | high low | higher lower | highest lowest | tall short
taller shorter | tallest shortest | long short | longer shorter | longest shortest | wide narrow
widest narrowest | deep shallow | old new | older newer | oldest newest | early late
earlier later | earliest latest | young aged | modern ancient | contemporary medieval
current former | recent distant | present past | original revised | final initial | last first
next previous | primary secondary | main minor | major minor | key trivial | important unimportant
common rare | popular obscure | famous forgotten | typical unusual | usual odd | good bad
better worse | best worst | strong weak | stronger weaker | strongest weakest | fast slow
faster slower | fastest slowest | easy difficult | hard soft | simple complicated | rich poor
free costly | public private | local foreign | national regional | international domestic
global local | federal municipal | civil military | political religious | social financial
economic cultural | legal medical | royal common | official informal | human canine | male female
men women | children adults | people horses | sexual musical | scientific artistic
religious secular | sacred profane | chemical mechanical | electric hydraulic | electrical thermal
solar tidal | nuclear chemical | natural artificial | physical mental | biological geological
genetic dietary | organic synthetic | industrial rural | urban rural | agricultural industrial
academic athletic | technical culinary | professional amateur | digital analogue | liquid solid
hot cold | warm cool | wet dry | heavy light | dark bright | clean dirty | red green blue yellow
white black | open closed | full empty | single double | general particular | positive negative
direct indirect | internal external | inner outer | upper lower | central outer | true false
real fictional | complete partial | total partial | average maximum | annual weekly
daily monthly | yearly weekly | permanent temporary | standard experimental | similar different
traditional modern | classical folk | successful failed | powerful weak | active idle
living extinct | adaptive dormant | innate learned | native imported | indigenous foreign
domestic wild | Christian Buddhist | Catholic Orthodox | Protestant Orthodox | north south
east west | northern southern | eastern western | northeastern southwestern | bacteria fungi
mice rats | species minerals | physics botany | leaves roots | lives journeys
"""


def _sets(text: str) -> list[list[str]]:
    return [one.split() for line in text.strip().splitlines() for one in line.split("|")]


def plural(noun: str) -> str:
    """The regular plural of a noun."""
    if noun.endswith(("s", "x", "ch", "sh", "z")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def _table() -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}

    def add(words: list[str]) -> None:
        for word in words:
            # The first set that has a word is its set.
            table.setdefault(word, [other for other in words if other != word])

    for words in _sets(_OTHERS):
        add(words)
    for words in _sets(_NOUNS):
        add(words)
        add([plural(word) for word in words])
    return {word: others for word, others in table.items() if others}


_TABLE = _table()


def neighbour(word: str, source: random.Random, never: Container[str]) -> str | None:
    """Another word of the set of `word`, which keeps its capital; None if there is none.

    `never` are words in small letters that it must not become.
    """
    others = [other for other in _TABLE.get(word.lower(), ()) if other not in never]
    if not others:
        return None
    chosen = source.choice(others)
    return chosen.capitalize() if word[:1].isupper() else chosen
