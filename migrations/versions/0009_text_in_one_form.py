"""text is folded and cut into words in one place, whatever the database's locale: the functions and the triggers

What was stored before is brought into the new form by the next migration.

Revision ID: 0009
Revises: 0008
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Unicode 14. Case folding of the characters that NFD leaves as they are, those aside that become several: from-to:difference,
# or from/to where every second one folds.
FOLDS = """
    b5:775 c6:32 d0:32 d8:32 de:32 110:1 126:1 132:1 13f/141:1 14a:1 152:1 166:1 17f:-268 181:210 182/184:1 186:206
    187:1 189-18a:205 18b:1 18e:79 18f:202 190:203 191:1 193:205 194:207 196:211 197:209 198:1 19c:211 19d:213
    19f:214 1a2/1a4:1 1a6:218 1a7:1 1a9:218 1ac:1 1ae:218 1b1-1b2:217 1b3/1b5:1 1b7:219 1b8:1 1bc:1 1c4:2 1c5:1
    1c7:2 1c8:1 1ca:2 1cb:1 1e4:1 1f1:2 1f2:1 1f6:-97 1f7:-56 21c:1 220:-130 222/224:1 23a:10795 23b:1 23d:-163
    23e:10792 241:1 243:-195 244:69 245:71 246/24e:1 345:116 370/372:1 376:1 37f:116 391-3a1:32 3a3-3a9:32 3c2:1
    3cf:8 3d0:-30 3d1:-25 3d5:-15 3d6:-22 3d8/3ee:1 3f0:-54 3f1:-48 3f4:-60 3f5:-64 3f7:1 3f9:-7 3fa:1 3fd-3ff:-130
    402/404:80 405-406:80 408-40b:80 40f:80 410-418:32 41a-42f:32 460/474:1 478/480:1 48a/4be:1 4c0:15 4c3/4cd:1
    4d4:1 4d8:1 4e0:1 4e8:1 4f6:1 4fa/52e:1 531-556:48 10a0-10c5:7264 10c7:7264 10cd:7264 13f8-13fd:-8 1c80:-6222
    1c81:-6221 1c82:-6212 1c83-1c84:-6210 1c85:-6211 1c86:-6204 1c87:-6180 1c88:35267 1c90-1cba:-3008
    1cbd-1cbf:-3008 1efa/1efe:1 2132:28 2160-216f:16 2183:1 24b6-24cf:26 2c00-2c2f:48 2c60:1 2c62:-10743 2c63:-3814
    2c64:-10727 2c67/2c6b:1 2c6d:-10780 2c6e:-10749 2c6f:-10783 2c70:-10782 2c72:1 2c75:1 2c7e-2c7f:-10815
    2c80/2ce2:1 2ceb/2ced:1 2cf2:1 a640/a66c:1 a680/a69a:1 a722/a72e:1 a732/a76e:1 a779/a77b:1 a77d:-35332
    a77e/a786:1 a78b:1 a78d:-42280 a790/a792:1 a796/a7a8:1 a7aa:-42308 a7ab:-42319 a7ac:-42315 a7ad:-42305
    a7ae:-42308 a7b0:-42258 a7b1:-42282 a7b2:-42261 a7b3:928 a7b4/a7c2:1 a7c4:-48 a7c5:-42307 a7c6:-35384
    a7c7/a7c9:1 a7d0:1 a7d6/a7d8:1 a7f5:1 ab70-abbf:-38864 ff21-ff3a:32 10400-10427:40 104b0-104d3:40
    10570-1057a:39 1057c-1058a:39 1058c-10592:39 10594-10595:39 10c80-10cb2:64 118a0-118bf:32 16e40-16e5f:32
    1e900-1e921:34
"""
# Everything that separates words once text is in NFKC: punctuation, signs, blanks and controls. What Unicode 14 hasn't
# assigned is part of a word, so that a script of tomorrow is found.
SEPARATORS = """
    0-2f 3a-40 5b-60 7b-ac ae-bf d7 f7 2c2-2c5 2d2-2eb 2ed 2ef-2ff 375 37e 384-385 387 3f6 482 55a-55f 589-58a
    58d-58f 5be 5c0 5c3 5c6 5f3-5f4 606-60f 61b 61d-61f 66a-66d 6d4 6de 6e9 6fd-6fe 700-70d 7f6-7f9 7fe-7ff 830-83e
    85e 888 964-965 970 9f2-9f3 9fa-9fb 9fd a76 af0-af1 b70 bf3-bfa c77 c7f c84 d4f d79 df4 e3f e4f e5a-e5b f01-f17
    f1a-f1f f34 f36 f38 f3a-f3d f85 fbe-fc5 fc7-fcc fce-fda 104a-104f 109e-109f 10fb 1360-1368 1390-1399 1400
    166d-166e 1680 169b-169c 16eb-16ed 1735-1736 17d4-17d6 17d8-17db 1800-180a 1940 1944-1945 19de-19ff 1a1e-1a1f
    1aa0-1aa6 1aa8-1aad 1b5a-1b6a 1b74-1b7e 1bfc-1bff 1c3b-1c3f 1c7e-1c7f 1cc0-1cc7 1cd3 1fbd-1fc1 1fcd-1fcf
    1fdd-1fdf 1fed-1fef 1ffd-1ffe 2000-200a 2010-2029 202f-205f 207a-20c0 2100-212e 213a-214d 214f 218a-24e9
    2500-2775 2794-2bff 2ce5-2cea 2cf9-2cfc 2cfe-2cff 2d70 2e00-2e2e 2e30-2e99 2e9b-2ef3 2f00-2fd5 2ff0-2ffb
    3000-3004 3008-3020 3030 3036-3037 303d-303f 309b-309c 30a0 30fb 3190-319f 31c0-31e3 3200-321e 322a-3247
    3250-33ff 4dc0-4dff a490-a4c6 a4fe-a4ff a60d-a60f a673 a67e a6f2-a6f7 a700-a716 a720-a721 a789-a78a a828-a82b
    a836-a839 a874-a877 a8ce-a8cf a8f8-a8fa a8fc a92e-a92f a95f a9c1-a9cd a9de-a9df aa5c-aa5f aa77-aa79 aade-aadf
    aaf0-aaf1 ab5b ab6a-ab6b abeb fb29 fbb2-fbc2 fd3e-fd4f fdcf fdfc-fdff fe10-fe19 fe30-fe52 fe54-fe66 fe68-fe6b
    ff01-ff65 ffe0-ffe6 ffe8-ffee fffc-fffd 10100-10102 10137-1013f 10179-10189 1018c-1018e 10190-1019c 101a0
    101d0-101fc 1039f 103d0 1056f 10857 10877-10878 1091f 1093f 10a50-10a58 10a7f 10ac8 10af0-10af6 10b39-10b3f
    10b99-10b9c 10ead 10f55-10f59 10f86-10f89 11047-1104d 110bb-110bc 110be-110c1 11140-11143 11174-11175
    111c5-111c8 111cd 111db 111dd-111df 11238-1123d 112a9 1144b-1144f 1145a-1145b 1145d 114c6 115c1-115d7
    11641-11643 11660-1166c 116b9 1173c-1173f 1183b 11944-11946 119e2 11a3f-11a46 11a9a-11a9c 11a9e-11aa2
    11c41-11c45 11c70-11c71 11ef7-11ef8 11fd5-11ff1 11fff 12470-12474 12ff1-12ff2 16a6e-16a6f 16af5 16b37-16b3f
    16b44-16b45 16e97-16e9a 16fe2 1bc9c 1bc9f 1cf50-1cfc3 1d000-1d0f5 1d100-1d126 1d129-1d164 1d16a-1d16c
    1d183-1d184 1d18c-1d1a9 1d1ae-1d1ea 1d200-1d241 1d245 1d300-1d356 1d6c1-1d7c3 1d800-1d9ff 1da37-1da3a
    1da6d-1da74 1da76-1da83 1da85-1da8b 1e14f 1e2ff 1e95e-1e95f 1ecac 1ecb0 1ed2e 1eef0-1eef1 1f000-1f0f5
    1f10d-1fb92 1fb94-1fbca
"""
# What nobody sees: joiners, soft hyphens, selectors of variants, fillers.
IGNORABLE = """ad 34f 61c 115f-1160 17b4-17b5 180b-180f 200b-200f 202a-202e 2060-206f 3164 fe00-fe0f feff ffa0 fff0-fff8
    1bca0-1bca3 1d173-1d17a e0000-e0fff"""
# Written without blanks between words: each is found by itself. Han, Hiragana and Katakana.
SINGLE = "3005-3007 3041-3096 309d-30ff 31f0-31ff 3400-4dbf 4e00-9fff 20000-2fa1f 30000-3134a"
# Characters that fold to several, and that NFD leaves as they are.
LONG = {
    "\u00df": "ss",
    "\u0149": "\u02bcn",
    "\u0587": "\u0565\u0582",
    "\u1e9a": "a\u02be",
    "\u1e9e": "ss",
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
    "\ufb13": "\u0574\u0576",
    "\ufb14": "\u0574\u0565",
    "\ufb15": "\u0574\u056b",
    "\ufb16": "\u057e\u0576",
    "\ufb17": "\u0574\u056d",
}
TABLES = {
    "products": ("sku", "name", "barcode", "external_id", "description"),
    "partners": ("code", "name", "email", "external_id"),
    "orders": ("number", "external_id", "note"),
}
FOLDED = {
    "products": {"sku": "sku_key", "name": "name_key"},
    "partners": {"code": "code_key", "name": "name_key"},
    "orders": {"number": "number_key", "external_id": "external_key"},
}
KEYS = {
    "products": ("sku", "barcode", "external_id"),
    "partners": ("code", "external_id"),
    "orders": ("number", "external_id"),
}
WEIGHTS = {
    "products": {"sku": "1A", "name": "2B", "barcode": "2B", "external_id": "2B", "description": "3C"},
    "partners": {"code": "1A", "name": "2B", "external_id": "2B", "email": "3C"},
    "orders": {"number": "1A", "external_id": "1A", "note": "3C"},
}
# As they were made by 0001.
GENERATED = {
    "products": ("sku", "name", "barcode", "description"),
    "partners": ("code", "name", "email"),
    "orders": ("number", "external_id", "note"),
}
BEFORE = {"products": "ABBC", "partners": "ABC", "orders": "AAC"}
FUNCTIONS = {
    "search_query": "text",
    "search_whole": "text",
    "search_key": "text",
    "search_lexeme": "text",
    "search_part": "text, text",
    "search_words": "text",
    "text_containing": "text",
    "text_starting": "text",
    "text_folded": "text",
}


def folds() -> tuple[str, str]:
    """The characters that fold, and what they fold to."""
    pairs = []
    for run in FOLDS.split():
        span, _, difference = run.partition(":")
        first, _, last = span.replace("/", "-").partition("-")
        step = 2 if "/" in span else 1
        pairs += [
            (chr(code), chr(code + int(difference))) for code in range(int(first, 16), int(last or first, 16) + 1, step)
        ]
    return "".join(before for before, _ in pairs), "".join(after for _, after in pairs)


def characters(ranges: str) -> str:
    """The inside of a regular expression's brackets."""
    return "".join("-".join(f"\\U{int(each, 16):08x}" for each in one.split("-")) for one in ranges.split())


def functions() -> Iterator[str]:
    """All immutable, of no locale, and each with a quick way for ASCII, which nearly every text is."""
    before, after = folds()
    several = "given"
    for character, letters in LONG.items():
        several = f"replace({several}, '{character}', '{letters}')"
    head = "LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST"
    yield f"""CREATE FUNCTION text_folded(given text) RETURNS text {head} 100 AS $$
-- Unicode's case folding, in form NFC: what is the same without regard to case is equal.
DECLARE
    capitals text COLLATE "C";
    capital text COLLATE "C";
BEGIN
    IF octet_length(given) = length(given) THEN
        RETURN lower(given COLLATE "C");
    END IF;
    given := normalize(given, NFD);
    IF given COLLATE "C" ~ '[{"".join(LONG)}]' THEN
        given := {several};
    END IF;
    capitals := regexp_replace(given COLLATE "C", '[^{before}]+', '', 'g');
    WHILE capitals <> '' LOOP -- once for each that there is: translate() would look up every letter among a thousand
        capital := left(capitals, 1);
        capitals := replace(capitals, capital, '');
        given := replace(given, capital, substr('{after}', strpos('{before}', capital), 1));
    END LOOP;
    RETURN normalize(lower(given COLLATE "C"), NFC);
END $$"""
    yield f"""CREATE FUNCTION text_containing(given text) RETURNS text {head} 100 AS $$
-- The LIKE pattern for what contains a text, to be compared with a folded column.
BEGIN
    RETURN '%' || text_starting(given);
END $$"""
    yield f"""CREATE FUNCTION text_starting(given text) RETURNS text {head} 100 AS $$
-- The LIKE pattern for what begins with a text, to be compared with a folded column.
BEGIN
    RETURN replace(replace(replace(text_folded(given), '\\', '\\\\'), '%', '\\%'), '_', '\\_') || '%';
END $$"""
    yield f"""CREATE FUNCTION search_words(given text) RETURNS text {head} 100 AS $$
-- The words of a text, folded, with one blank between them. The one tokenizer, for what is stored as for what is looked for.
BEGIN
    IF octet_length(given) = length(given) THEN
        given := lower(given COLLATE "C");
    ELSE
        given := regexp_replace(normalize(given, NFKC) COLLATE "C", '[{characters(IGNORABLE)}]+', '', 'g');
        given := normalize(text_folded(given), NFKC);
        given := regexp_replace(given COLLATE "C", '([{characters(SINGLE)}])', ' \\1 ', 'g');
    END IF;
    given := btrim(regexp_replace(given COLLATE "C", '[{characters(SEPARATORS)}]+', ' ', 'g'));
    IF octet_length(given) > 2000 THEN -- a lexeme may have 2,046 bytes
        given := regexp_replace(given COLLATE "C", '([^ ]{{200}})(?=[^ ])', '\\1 ', 'g');
    END IF;
    RETURN given;
END $$"""
    yield f"""CREATE FUNCTION search_part(given text, place text) RETURNS text {head} 100 AS $$
-- A text's words as a part of a tsvector's text, with their place and weight.
DECLARE
    words text := search_words(given);
BEGIN
    RETURN CASE WHEN words = '' THEN '' ELSE '''' || replace(words, ' ', ''':' || place || ' ''') || ''':' || place || ' ' END;
END $$"""
    yield f"""CREATE FUNCTION search_lexeme(given text) RETURNS text {head} 100 AS $$
-- A whole key as one lexeme, quoted. No word begins with the sign.
BEGIN
    RETURN '''=' || replace(replace(left(text_folded(btrim(given)), 500), '\\', '\\\\'), '''', '''''') || '''';
END $$"""
    yield f"""CREATE FUNCTION search_key(given text) RETURNS tsquery {head} 1000 AS $$
-- What has the text as its key.
BEGIN
    RETURN search_lexeme(given)::tsquery;
END $$"""
    yield f"""CREATE FUNCTION search_whole(given text) RETURNS tsquery {head} 1000 AS $$
-- What has all of the text's words, each whole. A text without any finds nothing.
DECLARE
    words text := search_words(given);
BEGIN
    RETURN CASE WHEN words = '' THEN '''=''' ELSE '''' || replace(words, ' ', ''' & ''') || '''' END::tsquery;
END $$"""
    yield f"""CREATE FUNCTION search_query(given text) RETURNS tsquery {head} 1000 AS $$
-- What has the text as its key, or all of its words, each as the beginning of one; those after the twentieth whole.
DECLARE
    words text := search_words(given);
BEGIN
    IF words = '' THEN
        RETURN search_lexeme(given)::tsquery;
    ELSIF length(words) - length(replace(words, ' ', '')) < 20 THEN
        words := '''' || replace(words, ' ', ''':* & ''') || ''':*';
    ELSE
        words := (
            SELECT string_agg('''' || word || CASE WHEN n > 20 THEN '''' ELSE ''':*' END, ' & ' ORDER BY n)
            FROM (
                SELECT word, row_number() OVER (ORDER BY min(place)) AS n
                FROM unnest(string_to_array(words, ' ')) WITH ORDINALITY AS each (word, place) GROUP BY word
            ) distinct_words
        );
    END IF;
    RETURN (search_lexeme(given) || ' | ' || words)::tsquery;
END $$"""


def trigger(table: str) -> Iterator[str]:
    """Before a row is stored: its text in NFC, what is compared without regard to case, and what is searched."""
    columns = TABLES[table]
    every = ", ".join(f"NEW.{column}" for column in columns)
    # A key that was there before, and has a twin in that form, must not stand in the way of other changes.
    formed = "\n        ".join(
        f"IF TG_OP = 'INSERT' OR NEW.{column} IS DISTINCT FROM OLD.{column} THEN"
        f" NEW.{column} := normalize(NEW.{column}, NFC); END IF;"
        for column in columns
    )
    folded = "\n    ".join(f"NEW.{kept} := text_folded(NEW.{column});" for column, kept in FOLDED[table].items())
    parts = [f"search_part(NEW.{column}, '{place}')" for column, place in WEIGHTS[table].items()]
    parts += [f"search_lexeme(NEW.{column}) || ':1A '" for column in KEYS[table]]
    vector = " || ".join(f"coalesce({part}, '')" for part in parts)
    yield f"""CREATE FUNCTION {table}_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF octet_length(concat({every})) <> length(concat({every})) THEN
        {formed}
    END IF;
    {folded}
    NEW.search := ({vector})::tsvector;
    RETURN NEW;
END $$"""
    yield f"""CREATE TRIGGER text BEFORE INSERT OR UPDATE OF {", ".join(columns)} ON {table}
FOR EACH ROW EXECUTE FUNCTION {table}_text()"""


def upgrade() -> None:
    """Nothing is rewritten: a stored expression becomes a plain column, and a new one is empty until the next migration.
    From here on each row that is written gets all of it.
    """
    connection = op.get_bind()
    for function in functions():
        connection.exec_driver_sql(function)
    for table, kept in FOLDED.items():
        op.execute(f"ALTER TABLE {table} ALTER COLUMN search DROP EXPRESSION")
        for column in kept.values():
            if column == "name_key":
                op.execute(f"ALTER TABLE {table} ALTER COLUMN name_key DROP EXPRESSION")
            else:
                op.add_column(table, sa.Column(column, sa.Text(collation="C"), nullable=True))
        for statement in trigger(table):
            connection.exec_driver_sql(statement)


def downgrade() -> None:
    """The columns are generated again, which rewrites the tables."""
    for table, kept in FOLDED.items():
        op.execute(f"DROP TRIGGER text ON {table}")
        op.execute(f"DROP FUNCTION {table}_text()")
        op.drop_column(table, "search")
        weighted = zip(GENERATED[table], BEFORE[table], strict=True)
        vector = " || ".join(_vector(column, weight) for column, weight in weighted)
        op.add_column(
            table, sa.Column("search", postgresql.TSVECTOR(), sa.Computed(vector, persisted=True), nullable=False)
        )
        for column in kept.values():
            op.drop_column(table, column)
        if "name" in kept:
            name = sa.Computed('lower(name COLLATE "default")', persisted=True)
            op.add_column(table, sa.Column("name_key", sa.Text(collation="C"), name, nullable=False))
            op.create_index(f"ix_{table}_name", table, ["tenant_id", "name_key", "id"], unique=False)
        trigrams = dict.fromkeys(kept, 'COLLATE "default" gin_trgm_ops')
        columns = ["tenant_id", "search", *kept]
        op.create_index(f"ix_{table}_text", table, columns, postgresql_using="gin", postgresql_ops=trigrams)
    for name, arguments in FUNCTIONS.items():
        op.execute(f"DROP FUNCTION {name}({arguments})")


def _vector(column: str, weight: str) -> str:
    """As 0001 made it."""
    words = f"""regexp_replace(coalesce({column}, '') COLLATE "default", '[^[:alnum:]]+', ' ', 'g')"""
    return f"setweight(to_tsvector('simple'::regconfig, {words}), '{weight}')"
