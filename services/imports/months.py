"""Names of months, and halves of the day, in the languages of exports."""

import re

MONTHS = {
    "en": "jan feb mar apr may jun jul aug sep oct nov dec",
    "bg": "яну фев мар апр май юни юли авг сеп окт ное дек",
    "cs": "led|ledna úno bře dub kvě čvn|červen|června čvc|červenec|července srp zář říj lis pro",
    "da": "jan feb mar apr maj jun jul aug sep okt nov dec",
    "de": "jan|jän feb mär|mrz|maer apr mai jun jul aug sep okt nov dez",
    "el": "ιαν φεβ μάρ|μαρ απρ μάι|μαΐ|μαι ιούν|ιουν ιούλ|ιουλ αύγ|αυγ σεπ οκτ νοέ|νοε δεκ",
    "es": "ene feb mar abr may jun jul ago sep|set oct nov dic",
    "et": "jaa veeb mär apr mai juun juul aug sep okt nov det",
    "fi": "tam hel maa huh tou kes hei elo syy lok mar jou",
    "fr": "jan fév|fev mar avr mai juin jui aoû|aou sep oct nov déc|dec",
    "hr": "sij velj ožu tra svi lip srp kol ruj lis stu pro",
    "hu": "jan feb már|mar ápr|apr máj|maj jún|jun júl|jul aug sze okt nov dec",
    "id": "jan feb mar apr mei jun jul agu|ags sep okt nov des",
    "it": "gen feb mar apr mag giu lug ago set ott nov dic",
    "nb": "jan feb mar apr mai jun jul aug sep okt nov des",
    "nl": "jan feb maa|mrt apr mei jun jul aug sep okt nov dec",
    "pl": "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    "pt": "jan fev mar abr mai jun jul ago set out nov dez",
    "ro": "ian feb mar apr mai iun iul aug sep oct noi|nov dec",
    "ru": "янв фев мар апр май|мая июн июл авг сен окт ноя дек",
    "sk": "jan feb mar apr máj jún júl aug sep okt nov dec",
    "sl": "jan feb mar apr maj jun jul avg sep okt nov dec",
    "sv": "jan feb mar apr maj jun jul aug sep okt nov dec",
    "tr": "oca şub mar ni may haz tem ağu ey ek kas ara",
    "uk": "січ лют бер кві тра чер лип сер вер жов лис гру",
}
"""Of each month how its names begin, without regard to case; longer ones are tried first."""

ENGLISH = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def beginnings(language: str) -> dict[str, str]:
    """How names of months begin, the longest first, and the English abbreviation of each."""
    pairs = [
        (start, english)
        for starts, english in zip(MONTHS[language].split(), ENGLISH, strict=True)
        for start in starts.split("|")
    ]
    return dict(sorted(pairs, key=lambda pair: -len(pair[0])))


_HALVES = {
    "AM": re.compile(r"\ba\.?\s?m\b\.?|午前|上午|오전", re.IGNORECASE),
    "PM": re.compile(r"\bp\.?\s?m\b\.?|午後|下午|오후", re.IGNORECASE),
}


_HOUR_ZERO = re.compile(r"(?<![\d:.])00?(?=[:.]\d\d)")


def halves(text: str) -> str:
    """A time whose half of the day is AM or PM: a. m. in Spanish, and in East Asia before the hour, which may be 0 for 12."""
    for half, written in _HALVES.items():
        text = written.sub(half, text)
    return _HOUR_ZERO.sub("12", text)
