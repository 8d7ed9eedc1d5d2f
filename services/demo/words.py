"""What the two companies sell, as words: kinds of goods, their sizes and finishes, and product lines."""

from typing import NamedTuple


class Goods(NamedTuple):
    """A kind of goods. Its products are its sizes times its finishes times the company's lines."""

    code: str
    noun: str
    unit: str
    low: float
    high: float
    sizes: tuple[str, ...]
    finishes: tuple[str, ...]
    use: str


def _list(words: str) -> tuple[str, ...]:
    return tuple(words.split(", "))


def _goods(code: str, noun: str, unit: str, prices: str, sizes: str, finishes: str, use: str) -> Goods:
    low, high = map(float, prices.split("-"))
    return Goods(code, noun, unit, low, high, _list(sizes), _list(finishes), use)


HOME_LINES = _list(
    "Alba, Bellis, Calluna, Dahlia, Edda, Fjord, Gessner, Hedera, Ilex, Juno, Kastell, Lavanda, Mirabell, Nordlicht, "
    "Olea, Primula, Quitte, Rosalie, Salvia, Tilia, Ulme, Verbena, Wieland, Xenia, Yarrow, Zinnia, Aurel, Borage, "
    "Clara, Delphin, Elbe, Freesia, Ginster, Havel, Iris, Jasmin, Kornblume, Linde, Malve, Narzisse, Ophelia, Pergola, "
    "Ranke, Saale, Thymian, Ursel, Viola, Wacholder, Ahorn, Birke, Cosma, Drossel, Erika, Farn, Ginkgo, Holunder, Ida, "
    "Jolanda, Kamille, Lotte, Minze, Nelke, Orchis, Pinie"
)

HOME = (
    _goods("PLA", "Planter", "pcs", "6-60", "14 cm, 18 cm, 24 cm, 30 cm, 40 cm", "terracotta, anthracite, sand, glazed green, white", "Frost-proof to -15 °C, with a drain hole"),
    _goods("WCN", "Watering Can", "pcs", "9-45", "1.5 l, 5 l, 8 l, 10 l", "zinc, sage green, graphite, copper", "With a removable rose"),
    _goods("LAN", "Lantern", "pcs", "12-90", "small, medium, large", "black, brass, weathered white, rust", "For candles up to 10 cm across, indoors and out"),
    _goods("CHR", "Garden Chair", "pcs", "39-220", "fixed, folding, stacking", "acacia, teak, grey aluminium, olive steel", "Carries 120 kg"),
    _goods("TBL", "Bistro Table", "pcs", "59-390", "Ø 60 cm, Ø 70 cm, 60 × 60 cm, 120 × 80 cm", "acacia, teak, slate, olive steel", "Delivered flat, four screws to assemble"),
    _goods("CUS", "Cushion", "pcs", "11-49", "40 × 40 cm, 45 × 45 cm, 50 × 50 cm, 60 × 40 cm", "linen, moss, ochre, night blue, rosé", "Cover washable at 30 °C"),
    _goods("THR", "Wool Throw", "pcs", "39-160", "130 × 180 cm, 150 × 200 cm", "ecru, charcoal, forest, brick", "Pure new wool, woven in the EU"),
    _goods("VAS", "Vase", "pcs", "8-75", "15 cm, 22 cm, 32 cm, 45 cm", "clear glass, smoked glass, matt white, indigo", "Mouth-blown: no two are the same"),
    _goods("SEC", "Secateurs", "pcs", "14-69", "bypass, anvil, ratchet", "ash handle, red grip, left-handed", "Cuts green wood up to 22 mm"),
    _goods("SPD", "Spade", "pcs", "19-79", "junior, border, digging", "ash handle, steel handle", "Hardened head, rolled edge"),
    _goods("GLV", "Gardening Gloves", "pcs", "5-29", "size 7, size 8, size 9, size 10", "goatskin, cotton, thorn-proof", "Sold by the pair"),
    _goods("SED", "Wildflower Seed", "kg", "18-60", "shade, meadow, dry soil, bees", "annual, perennial", "Sow from April to June, 5 g to the square metre"),
    _goods("SOI", "Potting Compost", "pcs", "5-17", "20 l, 40 l, 60 l", "peat-free, for herbs, for roses", "Made from bark and green waste"),
    _goods("LGT", "String Lights", "pcs", "15-85", "5 m, 10 m, 20 m", "warm white, amber, solar", "IP44, for outdoors"),
    _goods("MUG", "Stoneware Mug", "pcs", "7-24", "0.25 l, 0.35 l, 0.5 l", "speckled, celadon, cobalt, chalk", "Safe in the dishwasher"),
    _goods("BOX", "Storage Basket", "pcs", "12-70", "S, M, L, XL", "willow, seagrass, felt, jute", "With two handles"),
    _goods("HOO", "Hook Rail", "pcs", "14-55", "3 hooks, 5 hooks, 7 hooks", "oak, walnut, black steel", "Screws and plugs enclosed"),
    _goods("FAB", "Outdoor Fabric", "m", "12-38", "140 cm wide, 160 cm wide", "stripe, herringbone, plain sand, plain sea", "Water-repellent, sold by the metre"),
)  # fmt: skip

TRADE_LINES = _list(
    "Pro, Heavy Duty, Marine, Cleanroom, Low Noise, Food Grade, High Temp, Eco, Compact, Offshore, Standard, "
    "D100, D200, D300, D500, K100, K200, K300, K500, R100, R200, R300, R500, T100, T200, T300, T500"
)

TRADE = (
    _goods("BLT", "Hex Bolt", "box", "3-48", "M5×20, M6×30, M8×40, M10×50, M12×60, M16×80", "zinc-plated 8.8, A2 stainless, A4 stainless, hot-dip galvanised", "ISO 4017, fully threaded, 100 to the box"),
    _goods("NUT", "Lock Nut", "box", "2-25", "M5, M6, M8, M10, M12, M16", "zinc-plated, A2 stainless, A4 stainless", "ISO 7040 with a nylon insert, 100 to the box"),
    _goods("WSH", "Flat Washer", "box", "1-14", "M5, M6, M8, M10, M12, M16", "zinc-plated, A2 stainless, polyamide", "ISO 7089, 200 to the box"),
    _goods("BRG", "Ball Bearing", "pcs", "2-95", "6001, 6004, 6204, 6206, 6308, 6310", "open, 2Z, 2RS1", "Single row, deep groove"),
    _goods("CBL", "Copper Cable", "m", "0.4-14", "1 × 1.5 mm², 3 × 1.5 mm², 5 × 2.5 mm², 5 × 6 mm²", "black, grey, green-yellow, blue", "Cut to length"),
    _goods("HOS", "Hydraulic Hose", "m", "4-39", "DN 6, DN 10, DN 12, DN 19, DN 25", "1SN, 2SN, 4SP", "EN 853, up to 400 bar by size"),
    _goods("TUB", "Steel Tube", "m", "3-44", "20×20×2, 30×30×2, 40×40×3, 60×40×3", "raw, galvanised, stainless 1.4301", "Welded, in lengths of up to 6 m"),
    _goods("ROD", "Welding Rod", "kg", "6-33", "2.0 mm, 2.5 mm, 3.2 mm, 4.0 mm", "rutile, basic, stainless 308L", "Packed dry, all positions but downhill"),
    _goods("GRS", "Lithium Grease", "kg", "7-41", "NLGI 00, NLGI 1, NLGI 2", "EP, with MoS₂, white", "-30 °C to 120 °C"),
    _goods("VLV", "Ball Valve", "pcs", "6-180", "DN 15, DN 20, DN 25, DN 32, DN 50", "brass, stainless, PVC-U", "Full bore, PN 40"),
    _goods("BEL", "V-Belt", "pcs", "4-52", "SPZ 1000, SPA 1250, SPB 1600, SPC 2240", "wrapped, raw edge", "Matched sets on request"),
    _goods("DSC", "Cutting Disc", "box", "9-75", "115 mm, 125 mm, 180 mm, 230 mm", "steel, stainless, stone", "1 mm to 2.5 mm thick, 25 to the box"),
    _goods("DRL", "Twist Drill Set", "pcs", "11-140", "1–10 mm, 1–13 mm, 3–20 mm", "HSS-G, HSS-Co5, TiN", "In a steel case"),
    _goods("GLO", "Work Gloves", "box", "14-88", "size 8, size 9, size 10, size 11", "nitrile, cut level C, leather", "12 pairs to the box"),
    _goods("GOG", "Safety Goggles", "pcs", "3-29", "clear, grey, amber", "vented, sealed, over-glasses", "EN 166, scratch-resistant"),
    _goods("REL", "Control Relay", "pcs", "5-64", "12 V DC, 24 V DC, 230 V AC", "2 CO, 4 CO, with LED", "Plug-in, socket sold apart"),
    _goods("SEN", "Proximity Sensor", "pcs", "16-118", "M8, M12, M18, M30", "PNP, NPN, IO-Link", "Flush mount, M12 connector"),
    _goods("PAL", "Stretch Film", "pcs", "6-21", "17 µm, 20 µm, 23 µm", "clear, black, 30 % recycled", "500 mm wide, 300 m to the roll"),
)  # fmt: skip

HOME_GROUPS = {
    "Garden": _list("PLA, WCN, SEC, SPD, GLV, SED, SOI"),
    "Terrace": _list("LAN, CHR, TBL, LGT, FAB"),
    "Living": _list("CUS, THR, VAS, MUG, BOX, HOO"),
}
TRADE_GROUPS = {
    "Fasteners": _list("BLT, NUT, WSH"),
    "Drives and fluids": _list("BRG, HOS, GRS, VLV, BEL"),
    "Metal and tools": _list("TUB, ROD, DSC, DRL"),
    "Electrical": _list("CBL, REL, SEN"),
    "Safety and packing": _list("GLO, GOG, PAL"),
}
"""The categories above those of each kind of goods."""

NOTES = (
    "Please deliver before noon.",
    "Leave the parcel with the neighbours at no. 14.",
    "Bitte an der Rampe 3 anliefern, Herr Özdemir weiß Bescheid.",
    "Gift wrap, and no prices on the delivery note, please.",
    "Livrer à l'accueil, 2ᵉ étage.",
    "Purchase order to be quoted on all papers.",
    "Call the site manager half an hour ahead: the gate is locked.",
    "Partial delivery is fine.",
    "No partial delivery.",
    "Consegna solo il venerdì.",
    "Nach Betriebsschluss bitte Schlüsseltresor benutzen.",
    "Replaces the order from last week that was cancelled by phone.",
)
