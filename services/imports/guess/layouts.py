"""Known layouts, by their headers, and what columns are called in the languages of big shops."""

import re
import unicodedata

KNOWN = {
    "shopify": {"Name", "Financial Status", "Lineitem quantity", "Lineitem price"},
    "woocommerce": {"Order Number", "Item Cost", "Quantity (- Refund)"},
    "amazon": {"order-id", "order-item-id", "quantity-purchased", "item-price"},
    "ebay": {"Sales Record Number", "Item Number", "Sold For"},
    "etsy": {"Sale Date", "Order ID", "Listing ID", "Item Name"},
    "square": {"Gross Sales", "Net Sales", "Transaction ID", "Event Type"},
    "magento": {"increment_id", "qty_ordered", "sku"},
    "odoo": {"date_order", "order_line/price_unit"},
    "erpnext": {"Item Code (Items)", "Amount (Items)"},
    "sap": {"VBELN", "MATNR", "KWMENG", "NETPR"},
    "online-retail": {"InvoiceNo", "StockCode", "UnitPrice", "CustomerID"},
}
"""Headers by which a layout is recognised: the mapping of that name is in examples/import."""

NAMES = {
    "order": (
        "order number|order no|order id|order #|order|invoice number|invoice no|invoice|document number|doc no|receipt number|receipt no"
        "|receipt|transaction id|sales order|bestellnummer|bestellnr|bestellung|auftrag|beleg|auftragsnummer|auftragsnr|belegnummer|belegnr|rechnungsnummer|rechnungsnr"
        "|numero de commande|n commande|commande|reference|facture|numero de pedido|pedido|factura|numero ordine|ordine|fattura"
        "|bestelnummer|ordernummer|zamowienie|nr zamowienia|numero do pedido|ordrenummer|bestallningsnummer|tilausnumero"
    ),
    "sku": (
        "sku|item code|item number|item no|product code|product id|article number|article no|article|part number|stock code|style|variant sku"
        "|artikelnummer|artikelnr|artikel nr|artikel|art nr|reference produit|code article|ref|referencia|codigo|codice articolo|codice"
        "|artikelcode|produktnummer|kod produktu|symbol|codigo do produto|tuotenumero|item"
    ),
    "description": (
        "description|item name|product name|product|item description|title|name|item|bezeichnung|artikelbezeichnung|artikelname|produkt"
        "|designation|libelle|produit|descripcion|producto|nombre|descrizione|prodotto|omschrijving|nazwa|descricao|produto|beskrivning|tuote"
    ),
    "quantity": (
        "quantity|qty|quantity ordered|qty ordered|units|menge|anzahl|stuckzahl|stuck|quantite|qte|cantidad|cant|quantita|qta|aantal|ilosc"
        "|quantidade|qtd|antal|antall|maara"
    ),
    "price": (
        "unit price|price|item price|price each|rate|einzelpreis|stuckpreis|preis|vk|prix unitaire|prix|pu ht|precio unitario|precio|prezzo unitario|prezzo"
        "|stuksprijs|prijs|cena|cena jednostkowa|preco unitario|preco|pris|enhetspris|hinta"
    ),
    "total": (
        "line total|amount|total|item total|extended price|net amount|gesamtpreis|gesamt|betrag|summe|positionssumme|montant|total ht|importe|importo|totale"
        "|bedrag|totaal|wartosc|valor|belopp|summa"
    ),
    "discount": "discount|discount amount|line discount|rabatt|nachlass|remise|descuento|sconto|korting|rabat|desconto|alennus",
    "date": (
        "order date|date|created at|created|invoice date|sale date|purchase date|transaction date|datum|bestelldatum|auftragsdatum|belegdatum|rechnungsdatum"
        "|date de commande|date facture|fecha|fecha de pedido|data|data ordine|orderdatum|besteldatum|data zamowienia|dato|paivamaara"
    ),
    "time": "time|uhrzeit|zeit|heure|hora|ora|tijd|godzina|tid",
    "customer": (
        "customer id|customer number|customer no|customer code|customer|client id|client|account|account number|email|e mail|customer email|buyer|buyer username"
        "|kundennummer|kundennr|kunden nr|kunde|debitor|numero client|code client|cliente|codigo cliente|codice cliente|klantnummer|klant|klient"
        "|kundnummer|kund|asiakas"
    ),
    "customer_name": "customer name|client name|billing name|name|company|bill to name|buyer name|kundenname|firma|nom client|nom|nombre cliente|nome cliente|klantnaam|nazwa klienta",
    "email": "email|e mail|customer email|mail|courriel|correo|buyer email",
    "country": "country|country code|billing country|shipping country|ship country|land|pays|pais|paese|kraj|maa",
    "currency": "currency|currency code|wahrung|devise|moneda|valuta|waluta|moeda|valuutta",
    "unit": "unit|uom|unit of measure|einheit|me|unite|unidad|unita|eenheid|jednostka",
    "status": "status|order status|state|financial status|bestellstatus|auftragsstatus|statut|estado|stato",
    "order_discount": "coupon|cart discount|order discount|discount total|gutschein|bon de reduction",
    "shipping": "shipping|shipping cost|shipping amount|order shipping|freight|delivery|versand|versandkosten|frais de port|port|envio|spedizione|verzendkosten|frakt|fragt",
}
"""What headers are called, by what they mean: folded, without accents and punctuation; the better ones first."""


def folded(header: str) -> str:
    """A header as ``NAMES`` has it: without case, accents and punctuation."""
    plain = "".join(
        sign for sign in unicodedata.normalize("NFKD", header.casefold()) if not unicodedata.combining(sign)
    )
    return re.sub(r"[^a-z0-9#]+", " ", plain.replace("\u0142", "l").replace("\u00f8", "o")).strip()


def known(header: list[str]) -> str | None:
    """The known layout that has these headers, if one has."""
    return next((name for name, wanted in KNOWN.items() if wanted <= set(header)), None)


def columns(header: list[str]) -> dict[str, list[str]]:
    """For each meaning the headers that are called so, the best first; a header may stand under several."""
    plain = {name: folded(name) for name in header if name}
    found = {}
    for meaning, names in NAMES.items():
        called = [each for word in names.split("|") for each in plain if plain[each] == word]
        if called:
            found[meaning] = list(dict.fromkeys(called))
    return found
