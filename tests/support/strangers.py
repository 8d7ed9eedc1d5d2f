"""Exports of shops that nobody here has seen, with mappings that were written from docs/import.md alone, and what they become."""

from typing import NamedTuple


class Export(NamedTuple):
    """A file, its mapping, and what comes of it. ``rows``: read, imported, left out; ``returned``: order, sku, quantity."""

    encoding: str
    text: str
    mapping: str
    rows: tuple[int, int, dict[str, int]]
    orders: list[tuple[str, ...]]
    lines: list[tuple[str | int, ...]]
    partners: list[tuple[str, str, str | None]]
    returned: tuple[tuple[str, str, str], ...] = ()


BRAZIL = Export(
    "utf-8-sig",
    """Relatório de vendas;;;;;;;;;;;
Período: março a maio;;;;;;;;;;;
N.º de venda;Data da venda;Estado;Unidades;Receita por envio (BRL);Descontos e bônus;SKU;Título do anúncio;Preço unitário (BRL);Comprador;CPF;País
2000007412345678;5 de março de 2024 14:35 hs.;Entregue;2;R$ 19,90;-R$ 69,12;CAD-01;Cadeira;R$ 1.234,56;Ana Sá;123.456.789-00;Brasil
2000007412345700;31 de maio de 2024 09:00 hs.;Entregue;;;;;Pacote de 2 produtos;;Rui Paz;987.654.321-00;Brasil
;;;1;R$ 0,00;;LUM-9;Luminária;R$ 99,90;;;
;;;3;;;PAR-2;Parafuso;R$ 10;;;
2000007412345800;1 de abril de 2024 00:10 hs.;Cancelada pelo comprador;1;;;PAR-2;Parafuso;R$ 50,00;Ana Sá;123.456.789-00;Brasil
2000007412345900;2 de abril de 2024 23:59 hs.;Devolvida;1;;;PAR-2;Parafuso;R$ 15,5;Ana Sá;123.456.789-00;Brasil
""",
    """
currency = "BRL"
[file]
delimiter = ";"
fill_down = ["N.º de venda", "Data da venda", "Estado", "Comprador", "CPF", "País"]
[columns]
order = "N.º de venda"
sku = "SKU"
description = "Título do anúncio"
quantity = "Unidades"
price = "Preço unitário (BRL)"
discount = { column = "Descontos e bônus", sign = "minus" }
date = "Data da venda"
customer = "CPF"
customer_name = "Comprador"
country = "País"
[numbers]
decimal = ","
thousands = "."
[dates]
formats = ["%d de %B de %Y %H:%M hs."]
language = "pt"
timezone = "America/Sao_Paulo"
[[skip]]
column = "SKU"
empty = true
also = [{ column = "Unidades", empty = true }]
reason = "package"
[[charges]]
column = "Receita por envio (BRL)"
sku = "FRETE"
description = "Frete"
of = "row"
[status]
column = "Estado"
closed = ["Entregue"]
cancelled = ["Cancelada pelo comprador"]
returned = ["Devolvida"]
[countries]
"Brasil" = "BR"
""",
    (6, 5, {"package": 1}),
    [
        ("2000007412345678", "CLOSED", "123.456.789-00", "BRL", "2419.9", "2024-03-05 17:35"),
        ("2000007412345700", "CLOSED", "987.654.321-00", "BRL", "129.9", "2024-05-31 12:00"),
        ("2000007412345800", "CANCELLED", "123.456.789-00", "BRL", "50", "2024-04-01 03:10"),
        ("2000007412345900", "CLOSED", "123.456.789-00", "BRL", "15.5", "2024-04-03 02:59"),
    ],
    [
        ("2000007412345678", 1, "CAD-01", "Cadeira", "2", "1234.56", "2400", "2"),
        ("2000007412345678", 2, "FRETE", "Frete", "1", "19.9", "19.9", "1"),
        ("2000007412345700", 1, "LUM-9", "Luminária", "1", "99.9", "99.9", "1"),
        ("2000007412345700", 2, "PAR-2", "Parafuso", "3", "10", "30", "3"),
        ("2000007412345800", 1, "PAR-2", "Parafuso", "1", "50", "50", "0"),
        ("2000007412345900", 1, "PAR-2", "Parafuso", "1", "15.5", "15.5", "1"),
    ],
    [("123.456.789-00", "Ana Sá", "BR"), ("987.654.321-00", "Rui Paz", "BR")],
    (("2000007412345900", "PAR-2", "1"),),
)

JAPAN = Export(
    "cp932",
    """"注文番号","注文日時","ステータス","商品管理番号","商品名","単価","個数","返品数","送料","クーポン利用額","ポイント利用額","注文者名","注文者メール"
"373-2024","2024年3月5日 午後2:35","発送済","tea-01","煎茶 100g","￥1,980","２","","￥550","100","50","山田 花子","hana@example.jp"
"373-2024","2024年3月5日 午後2:35","発送済","cup-02","湯のみ","980円","1","","￥550","100","50","山田 花子","hana@example.jp"
"374-2024","2024年3月6日 午前0:05","キャンセル","cup-02","湯のみ","980円","1","","","","","佐藤 健","ken@example.jp"
"375-2024","2024年12月31日 午前11:59","発送済","mat-03","敷物","300","３","1","0","","","佐藤 健","ken@example.jp"
""",
    """
currency = "JPY"
[file]
encoding = "cp932"
[columns]
order = "注文番号"
sku = "商品管理番号"
description = "商品名"
quantity = "個数"
returned = "返品数"
price = "単価"
date = "注文日時"
customer = "注文者メール"
customer_name = "注文者名"
email = "注文者メール"
order_discount = { sum = ["クーポン利用額", "ポイント利用額"] }
[numbers]
thousands = ","
[dates]
formats = ["%Y年%m月%d日 %p%I:%M"]
timezone = "Asia/Tokyo"
[[charges]]
column = "送料"
sku = "SHIPPING"
description = "送料"
[status]
column = "ステータス"
closed = ["発送済"]
skip = ["キャンセル"]
""",
    (4, 3, {"status キャンセル": 1}),
    [
        ("373-2024", "CLOSED", "hana@example.jp", "JPY", "5340", "2024-03-05 05:35"),
        ("375-2024", "CLOSED", "ken@example.jp", "JPY", "900", "2024-12-31 02:59"),
    ],
    [
        ("373-2024", 1, "tea-01", "煎茶 100g", "2", "1980", "3840", "2"),
        ("373-2024", 2, "cup-02", "湯のみ", "1", "980", "950", "1"),
        ("373-2024", 3, "SHIPPING", "送料", "1", "550", "550", "1"),
        ("375-2024", 1, "mat-03", "敷物", "3", "300", "900", "3"),
    ],
    [("hana@example.jp", "山田 花子", None), ("ken@example.jp", "佐藤 健", None)],
    (("375-2024", "mat-03", "1"),),
)

CZECHIA = Export(
    "cp1250",
    """Kód objednávky;Datum;Stav;Typ položky;Kód položky;Název;Množství;Cena za jednotku;Měna;E-mail;Jméno;Země;Doklad k
OBJ240001;5. 3. 2024 14:22;Vyřízena;Zboží;HRN-1;Hrnek;2 ks;1\u00a0234,50 Kč;CZK;jan@example.cz;Jan Říha;Česko;
OBJ240001;;;Doprava;;Zásilkovna;1;79,- Kč;CZK;;;;
OBJ240001;;;Sleva;;Kupón JARO;1;-100,00 Kč;CZK;;;;
OBJ240002;31. 12. 2024 23:30;Stornována;Zboží;HRN-1;Hrnek;1 ks;10,00 €;EUR;eva@example.cz;Eva Malá;Česko;
DOB240001;7. 3. 2024 10:00;Vyřízena;Dobropis;HRN-1;Hrnek;-1 ks;1\u00a0234,50 Kč;CZK;jan@example.cz;Jan Říha;Česko;OBJ240001
""",
    """
currency = ["CZK", "EUR"]
[file]
delimiter = ";"
encoding = "cp1250"
[columns]
order = "Kód objednávky"
sku = "Kód položky"
description = "Název"
quantity = "Množství"
unit = { column = "Množství", pattern = "[a-z]+$" }
price = "Cena za jednotku"
currency = "Měna"
date = "Datum"
customer = "E-mail"
customer_name = "Jméno"
email = "E-mail"
country = "Země"
return_of = "Doklad k"
[numbers]
decimal = ","
thousands = " "
ignore = ["ks"]
[dates]
formats = ["%d. %m. %Y %H:%M"]
timezone = "Europe/Prague"
first_row_only = true
[[services]]
column = "Typ položky"
values = ["Doprava"]
sku = "DOPRAVA"
[[discounts]]
column = "Typ položky"
values = ["Sleva"]
[[returns]]
column = "Typ položky"
values = ["Dobropis"]
then = "return"
[status]
column = "Stav"
closed = ["Vyřízena"]
cancelled = ["Stornována"]
[countries]
"Česko" = "CZ"
""",
    (5, 5, {}),
    [
        ("OBJ240001", "CLOSED", "jan@example.cz", "CZK", "2448", "2024-03-05 13:22"),
        ("OBJ240002", "CANCELLED", "eva@example.cz", "EUR", "10", "2024-12-31 22:30"),
    ],
    [
        ("OBJ240001", 1, "HRN-1", "Hrnek", "2", "1234.5", "2369", "2"),
        ("OBJ240001", 2, "DOPRAVA", "Zásilkovna", "1", "79", "79", "1"),
        ("OBJ240002", 1, "HRN-1", "Hrnek", "1", "10", "10", "0"),
    ],
    [("eva@example.cz", "Eva Malá", "CZ"), ("jan@example.cz", "Jan Říha", "CZ")],
    (("OBJ240001", "HRN-1", "1"),),
)

INDIA = Export(
    "utf-8",
    """Asha Stores,,,,,,,
Sales Register,,,,,,,
Date,Particulars,Vch No.,Buyer,Quantity,Rate,Disc %,Value,Gross Total
5-Mar-24,Sharma Traders,SI/24-25/0017,Sharma Traders,,,,,"11,88,500.00 Dr"
,Steel Almirah,,,10 Nos,"1,25,000.00/Nos",5 %,"11,87,500.00",
,Wood Polish,,,2.500 Kg,400.00/Kg,,"1,000.00",
31-Dec-24,Cash,SI/24-25/0018,,,,,,"1,180.00 Dr"
,Ladder,,,1 Nos,"1,000.00/Nos",,"1,000.00",
,CGST 9%,,,,,,90.00,
,SGST 9%,,,,,,90.00,
,Grand Total,,,,,,,"11,89,680.00 Dr"
""",
    """
currency = "INR"
default_customer = "CASH"
[file]
fill_down = ["Date", "Vch No.", "Buyer", "Gross Total"]
[columns]
order = "Vch No."
sku = "Particulars"
quantity = "Quantity"
unit = { column = "Quantity", pattern = "[A-Za-z]+" }
price = ["Rate", "Value"]
discount = "Disc %"
date = "Date"
customer = "Buyer"
line_check = "Value"
order_check = "Gross Total"
[numbers]
thousands = ","
grouping = "lakh"
ignore = ["Nos", "Kg", "/Nos", "/Kg", "Dr"]
discount = "percent"
[dates]
formats = ["%d-%b-%y"]
timezone = "Asia/Kolkata"
[[skip]]
column = "Value"
empty = true
reason = "head or sum"
[[services]]
column = "Particulars"
pattern = "^[CSI]GST "
sku = "GST"
""",
    (8, 5, {"head or sum": 3}),
    [
        ("SI/24-25/0017", "CLOSED", "Sharma Traders", "INR", "1188500", "2024-03-04 18:30"),
        ("SI/24-25/0018", "CLOSED", "CASH", "INR", "1180", "2024-12-30 18:30"),
    ],
    [
        ("SI/24-25/0017", 1, "Steel Almirah", "Steel Almirah", "10", "125000", "1187500", "10"),
        ("SI/24-25/0017", 2, "Wood Polish", "Wood Polish", "2.5", "400", "1000", "2.5"),
        ("SI/24-25/0018", 1, "Ladder", "Ladder", "1", "1000", "1000", "1"),
        ("SI/24-25/0018", 2, "GST", "GST", "1", "90", "90", "1"),
        ("SI/24-25/0018", 3, "GST", "GST", "1", "90", "90", "1"),
    ],
    [("CASH", "CASH", None), ("Sharma Traders", "Sharma Traders", None)],
)

NORWAY = Export(
    "utf-16",
    """Bong\tDato\tKl.\tVarenr\tVarenavn\tAntall\tPris\tRabatt\tSum\tOpprinnelig bong
1001\tti. 05.03.2024\t14.35\t7001\tLampe 12"\t2\tkr 1 234,50\t10 %\tkr 2 222,10\t
1001\tti. 05.03.2024\t14.35\t7002\t"Pære\t3\t12,-\t\t36,-\t
1002\tfr. 08.03.2024\t10.05\t7002\t"Pære\t-1\t12,-\t\t-12,-\t1001
""",
    """
currency = "NOK"
default_customer = "KASSE"
[file]
delimiter = "\\t"
encoding = "utf-16"
quote = ""
[columns]
order = "Bong"
sku = "Varenr"
description = "Varenavn"
quantity = "Antall"
price = "Pris"
discount = "Rabatt"
date = { column = "Dato", pattern = "[0-9].*" }
time = "Kl."
return_of = "Opprinnelig bong"
line_check = "Sum"
[numbers]
decimal = ","
thousands = " "
discount = "percent"
[dates]
formats = ["%d.%m.%Y %H.%M"]
timezone = "Europe/Oslo"
[[returns]]
column = "Antall"
negative = true
then = "return"
""",
    (3, 3, {}),
    [("1001", "CLOSED", "KASSE", "NOK", "2258.1", "2024-03-05 13:35")],
    [
        ("1001", 1, "7001", 'Lampe 12"', "2", "1234.5", "2222.1", "2"),
        ("1001", 2, "7002", '"Pære', "3", "12", "36", "3"),
    ],
    [("KASSE", "KASSE", None)],
    (("1001", "7002", "1"),),
)

ITALY = Export(
    "latin-1",
    """Num. doc|Data doc|Tipo|Cod. cliente|Ragione sociale|Cod. art.|Descrizione|UM|Q.tà|Prezzo|Per|Sc. %|Importo|Sc. cassa %|Rif.
FT/12|05/03/24|FT|000123|Rossi S.r.l.|V-10|Viti M6|PZ|2.500,000|4,3700|100|10,00|98,33|2,00|
FT/12|05/03/24|FT|000123|Rossi S.r.l.|D-1|Dado|PZ|100,000|0,0500|||5,00|2,00|
NC/3|20/03/24|NC|000123|Rossi S.r.l.|V-10|Viti M6|PZ|500,000|4,3700|100|10,00|19,67||FT/12
""",
    """
currency = "EUR"
[file]
delimiter = "|"
encoding = "latin-1"
[columns]
order = "Num. doc"
sku = "Cod. art."
description = "Descrizione"
unit = { column = "UM", replace = { "PZ" = "pcs" } }
quantity = "Q.tà"
price = "Prezzo"
price_per = "Per"
discount = "Sc. %"
date = "Data doc"
customer = { column = "Cod. cliente", drop_leading_zeros = true }
customer_name = "Ragione sociale"
line_check = "Importo"
order_discount = "Sc. cassa %"
return_of = "Rif."
[numbers]
decimal = ","
thousands = "."
discount = "percent"
order_discount = "percent"
[dates]
formats = ["%d/%m/%y"]
timezone = "Europe/Rome"
[[returns]]
column = "Tipo"
values = ["NC"]
then = "return"
""",
    (3, 3, {}),
    [("FT/12", "CLOSED", "123", "EUR", "101.26", "2024-03-04 23:00")],
    [
        ("FT/12", 1, "V-10", "Viti M6", "2500", "0.0437", "96.36", "2500"),
        ("FT/12", 2, "D-1", "Dado", "100", "0.05", "4.9", "100"),
    ],
    [("123", "Rossi S.r.l.", None)],
    (("FT/12", "V-10", "500"),),
)

EXPORTS = {
    "brazil": BRAZIL,
    "japan": JAPAN,
    "czechia": CZECHIA,
    "india": INDIA,
    "norway": NORWAY,
    "italy": ITALY,
}
