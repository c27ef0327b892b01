"""Codes of languages: one form for the many that data sets use.

Ours is ISO 639-1 where a language has such a code ("da", "zu"), otherwise ISO 639-3 ("ceb"). It
names a language, not a script: the same language in two scripts ("srp-Cyrl", "srp-Latn") is one.
Varieties that ISO 639-3 groups under a macrolanguage, and that are written much alike, take its
code ("acm", "arz" and "mey" are "ar"; "prs" and "pes" are "fa"). What people keep apart stays
apart: "bs", "hr", "sr"; "nb", "nn"; "id", "ms"; "zh", "yue".
"""

from __future__ import annotations

import re

# ISO 639-1 and the 639-3 codes that are written as it: the language itself, its macrolanguage's
# members, and codes that were withdrawn.
_TWO_LETTERS = """
aa aar | ab abk | af afr | ak aka twi fat | am amh | an arg
ar ara arb acm acq aeb ajp apc arq ars ary arz mey
as asm | av ava | ay aym ayr | az aze azj | ba bak | be bel | bg bul | bi bis
bm bam | bn ben | bo bod tib | br bre | bs bos | ca cat | ce che | ch cha | co cos | cr cre csw
cs ces cze | cu chu | cv chv | cy cym wel | da dan | de deu ger | dv div | dz dzo | ee ewe
el ell gre | en eng | eo epo | es spa | et est ekk | eu eus baq | fa fas per pes prs
ff ful fuv fuc fuf | fi fin | fj fij | fo fao | fr fra fre | fy fry | ga gle | gd gla | gl glg
gn grn gug | gu guj | gv glv | ha hau | he heb | hi hin | ho hmo | hr hrv | ht hat | hu hun
hy hye arm | hz her | ia ina | id ind | ie ile | ig ibo | ii iii | ik ipk | io ido | is isl ice
it ita | iu iku ike | ja jpn | jv jav | ka kat geo | kg kon kng | ki kik | kj kua | kk kaz
kl kal | km khm | kn kan | ko kor | kr kau knc | ks kas | ku kur kmr | kv kom | kw cor | ky kir
la lat | lb ltz | lg lug | li lim | ln lin | lo lao | lt lit | lu lub | lv lav lvs
mg mlg plt | mh mah | mi mri mao | mk mkd mac | ml mal | mn mon khk | mr mar | ms msa zsm zlm may
mt mlt | my mya bur | na nau | nb nob | nd nde | ne nep npi | ng ndo | nl nld dut | nn nno
nr nbl | nv nav | ny nya | oc oci | oj oji ojb | om orm gaz | or ori ory | os oss | pa pan
pi pli | pl pol | ps pus pbt pbu | pt por
qu que quy quz qug quh qul qva qvc qvh qvm qvn qwh qxn qxu
rm roh | rn run | ro ron rum | ru rus | rw kin | sa san | sc srd src | sd snd | se sme | sg sag
si sin | sk slk slo | sl slv | sm smo | sn sna | so som | sq sqi als alb | sr srp scc | ss ssw
st sot | su sun | sv swe | sw swa swh | ta tam | te tel | tg tgk | th tha | ti tir | tk tuk
tl tgl fil | tn tsn | to ton | tr tur | ts tso | tt tat | ty tah | ug uig | uk ukr | ur urd
uz uzb uzn | ve ven | vi vie | vo vol | wa wln | wo wol | xh xho | yi yid ydd | yo yor
za zha zyb | zh zho cmn chi | zu zul
"""
_SHORT: dict[str, str] = {}
for _entry in re.split(r"[|\n]", _TWO_LETTERS):
    _short, *_long = _entry.split() or [""]
    _SHORT |= dict.fromkeys([_short, *_long], _short)
del _SHORT[""]
_SHORT |= {"kzj": "dtp", "dip": "din", "dik": "din", "iw": "he", "in": "id", "ji": "yi"}

_NOT_ONE_LANGUAGE = frozenset({"und", "mis", "mul", "zxx"})


def language_code(code: str) -> str | None:
    """Our code of the language that another names: ISO 639-1, -2, -3, with a script or region.

    `pt-BR`, `por_Latn` and `POR` are `pt`. None for what names no language (`und`) or is no code.
    """
    language = re.split(r"[-_]", code.strip())[0].lower()
    if language in _SHORT:
        return _SHORT[language]
    if re.fullmatch(r"[a-z]{3}", language) and language not in _NOT_ONE_LANGUAGE:
        return language
    return None
