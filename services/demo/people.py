"""The names of partners: people and companies of several countries, in their own letters."""

import unicodedata
from collections import Counter
from typing import NamedTuple

from services.demo.seed import Seed


class Country(NamedTuple):
    """Where partners come from. ``firms`` are templates around a family name, ``trades`` fill them.

    ``latin`` False: the names have no ASCII form, and mail goes to the partner's code instead.
    ``family_first``: how the people of the country are written.
    """

    code: str
    given: tuple[str, ...]
    family: tuple[str, ...]
    trades: tuple[str, ...]
    firm: str
    latin: bool = True
    family_first: bool = False


def _country(code: str, given: str, family: str, trades: str, firm: str, **more: bool) -> Country:
    return Country(code, tuple(given.split()), tuple(family.split()), tuple(trades.split(", ")), firm, **more)


_COUNTRIES = (
    (30, _country("DE", "Jürgen Käthe Sören Anja Björn Heike Lukas Mareike Ömer Ulrike Thorsten Greta Annika Rüdiger Sabine Emre Friederike Holger Jonas Kristin Malte Natalie Oskar Zeynep", "Müller Weiß Schröder Böhm Yılmaz Krüger Großmann Lindner Jäger Petersen Fuchs Hölzl Kowalski Brandt Öztürk Schäfer Neumann Vogel Engelhardt Thiele Quast Riemann Lübbers Zöllner", "Gartenbau, Haustechnik, Maschinenbau, Raumausstattung, Metallbau", "{family} {trade} GmbH")),
    (22, _country("GB", "Alice Oliver Siobhán Rhys Harriet Graham Priya Callum Imogen Tom Nia Duncan Beatrix Hamish Zadie Owen Maureen Kwame Tess Angus Leila Simon Bronwen Jack", "Ashworth Bramley O'Connor Llewellyn Fairclough Patel Whitlock Hargreaves Sutton Mac-Gregor Okafor Penrose Thackeray Boateng Cartwright Redfern Nuttall Sinclair Khan Holloway Treloar Byrne Winterbourne Ogilvie", "Engineering, Interiors, Fabrications, Hydraulics, Landscapes", "{family} {trade} Ltd")),
    (9, _country("AT", "Leopold Johanna Franz Resi Maximilian Veronika", "Gruber Höller Wögerbauer Steininger Pühringer Kofler", "Gartengestaltung, Stahlbau, Wohnen", "{trade} {family} OG")),
    (8, _country("FR", "Élodie Benoît Chloé Jérôme Maëlle François", "Lefèvre Dubois Gauthier Benoist Château Noël", "Jardins, Mécanique, Maison", "{trade} {family} SARL")),
    (7, _country("NL", "Sanne Joris Femke Thijs Maartje Pieter", "Vermeer Dijkstra Hoekstra Jansen Kuipers Zijlstra", "Tuinen, Techniek, Wonen", "{family} {trade} B.V.")),
    (5, _country("SE", "Åsa Göran Linnéa Björn Märta Örjan", "Sjöberg Ångström Lindqvist Öberg Håkansson Nyström", "Trädgård, Verkstad, Hem", "{family} {trade} AB")),
    (5, _country("PL", "Łukasz Małgorzata Paweł Zofia Święto Grażyna", "Wójcik Kowalczyk Dąbrowski Zieliński Szymański Woźniak", "Ogrody, Maszyny, Dom", "{trade} {family} Sp. z o.o.")),
    (4, _country("IT", "Niccolò Chiara Giosuè Lucia Matteo Beatrice", "Esposito Galli Fabbri Rossetti Colombo D'Angelo", "Giardini, Meccanica, Casa", "{trade} {family} S.r.l.")),
    (4, _country("ES", "Íñigo María Begoña Álvaro Lucía Joaquín", "Núñez Ibáñez Peña Muñoz Garmendia Ordóñez", "Jardines, Suministros, Hogar", "{trade} {family} S.L.")),
    (2, _country("GR", "Γιώργος Ελένη Νίκος Μαρία Κώστας", "Παπαδάκης Νικολάου Αλεξίου Δημητρίου", "Κήποι, Μηχανική", "{trade} {family} Α.Ε.", latin=False)),
    (2, _country("JP", "健太 さくら 大輔 美咲 陽子", "佐藤 鈴木 高橋 渡辺 小林", "工業, 商店, 製作所", "株式会社{family}{trade}", latin=False, family_first=True)),
    (2, _country("AE", "أحمد فاطمة يوسف ليلى عمر", "الهاشمي المنصوري السويدي الكعبي", "للتجارة, للهندسة", "شركة {family} {trade}", latin=False)),
)  # fmt: skip

_DOMAINS = ("example.com", "example.org", "example.net")
_PLAIN = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "ı": "i", "ø": "o", "æ": "ae", "ä": "ae", "ö": "oe", "ü": "ue"})


class Person(NamedTuple):
    """A partner's name, country and mail address."""

    name: str
    country: str
    email: str | None


TRIES = 5
"""Names made before one is given a second time: a large company has namesakes, a small one hardly."""


class People:
    """Makes partners' names. ``home`` is the country that half of them come from."""

    def __init__(self, seed: Seed, home: str) -> None:
        self._seed = seed
        self._home = next(country for _, country in _COUNTRIES if country.code == home)
        self._abroad = [country for share, country in _COUNTRIES for _ in range(share)]
        self._taken = Counter[str]()

    def one(self, code: str, *, firm: bool) -> Person:
        """A person or a firm; one in twelve has no mail address, the others each their own."""
        for _ in range(TRIES):
            person = self._firm(code) if firm else self._human(code)
            if person.name not in self._taken:
                break
        self._taken[person.name] += 1
        return person if self._seed.chance(11 / 12) else person._replace(email=None)

    def _human(self, code: str) -> Person:
        country = self._country()
        given, family = self._seed.among(country.given), self._seed.among(country.family)
        name = f"{family} {given}" if country.family_first else f"{given} {family}"
        box = _slug(f"{given}.{family}") if country.latin else code.lower()
        return Person(name, country.code, f"{box}{self._again(name)}@{self._seed.among(_DOMAINS)}")

    def _firm(self, code: str) -> Person:
        country = self._country()
        trade, family = self._seed.among(country.trades), self._seed.among(country.family)
        name = country.firm.format(family=family, trade=trade)
        domain = _slug(f"{family} {trade}") if country.latin else code.lower()
        return Person(name, country.code, f"orders{self._again(name)}@{domain}.example")

    def _country(self) -> Country:
        return self._home if self._seed.chance(0.5) else self._seed.among(self._abroad)

    def _again(self, name: str) -> str:
        """What tells a namesake's mail address from the first one's."""
        return str(self._taken[name] + 1) if name in self._taken else ""


def _slug(name: str) -> str:
    """A name in the letters of a mail address: ``Jürgen.Weiß`` becomes ``juergen.weiss``."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(_PLAIN))
    kept = "".join(letter for letter in plain if letter in "-. " or (letter.isascii() and letter.isalnum()))
    return kept.replace(" ", "-")
