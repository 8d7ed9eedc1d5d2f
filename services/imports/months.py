"""Names of months in the languages of exports, by what they begin with."""

MONTHS = {
    "en": "jan feb mar apr may jun jul aug sep oct nov dec",
    "cs": "led|ledna úno bře dub kvě čvn|červen|června čvc|červenec|července srp zář říj lis pro",
    "da": "jan feb mar apr maj jun jul aug sep okt nov dec",
    "de": "jan|jän feb mär|mrz|maer apr mai jun jul aug sep okt nov dez",
    "es": "ene feb mar abr may jun jul ago sep|set oct nov dic",
    "fi": "tam hel maa huh tou kes hei elo syy lok mar jou",
    "fr": "jan fév|fev mar avr mai juin jui aoû|aou sep oct nov déc|dec",
    "it": "gen feb mar apr mag giu lug ago set ott nov dic",
    "nb": "jan feb mar apr mai jun jul aug sep okt nov des",
    "nl": "jan feb maa|mrt apr mei jun jul aug sep okt nov dec",
    "pl": "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    "pt": "jan fev mar abr mai jun jul ago set out nov dez",
    "sv": "jan feb mar apr maj jun jul aug sep okt nov dec",
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
