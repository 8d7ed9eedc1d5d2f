// Products have no photographs here: each is drawn by its kind (the start of its sku), in the colour of its name.

const KINDS = {
  BLANK: { fill: "M28 50l32-14 32 14v36l-32 14-32-14z", shade: "M28 50l32 14 32-14-32-14z", line: "M60 64v36" },
  BOX: { line: "M44 58c0-30 32-30 32 0", fill: "M32 56h56l-6 40a6 6 0 0 1-6 5H44a6 6 0 0 1-6-5z", shade: "M33.500 66h53l-1 6h-51zM36 80h48l-1 6H37z" },
  CHR: { line: "M42 22v78M78 22v78M42 86h36", fill: "M38 26h44v9H38zM38 41h44v9H38zM34 62h52v9H34z" },
  CUS: { fill: "M32 36c18 4 38 4 56 0 4 0 6 3 5 7-4 14-4 26 0 40 1 4-1 7-5 7-18-4-38-4-56 0-4 0-6-3-5-7 4-14 4-26 0-40-1-4 1-7 5-7z", shade: "M58 58a4 4 0 1 0 8 0a4 4 0 1 0-8 0z" },
  FAB: { line: "M38 80v22h40", fill: "M30 38h52v46H30z", shade: "M82 38a8 23 0 1 1 0 46a8 23 0 1 1 0-46z" },
  GLV: { fill: "M42 100V66c-8-4-14-16-12-20 4-2 10 6 12 10V30c0-6 8-6 8 0v-6c0-6 9-6 9 0v4c0-6 9-6 9 0v6c0-6 8-6 8 0v66z", shade: "M42 86h34v6H42z" },
  HOO: { line: "M36 56v16c0 8 10 8 10 0M58 56v16c0 8 10 8 10 0M80 56v16c0 8 10 8 10 0", fill: "M20 42h80v15H20z" },
  LAN: { line: "M44 42h32v54H44zM50 42l4-12h12l4 12M60 30v-8", fill: "M38 95h44v7H38zM42 39h36v6H42z", shade: "M60 58c9 12 9 22 0 25-9-3-9-13 0-25z" },
  LGT: { line: "M14 36c20 28 72 28 92 0M29 49v6M45 56v6M60 57v6M75 56v6M91 49v6", fill: "M23 60a6 7 0 1 0 12 0a6 7 0 1 0-12 0zM39 67a6 7 0 1 0 12 0a6 7 0 1 0-12 0zM54 69a6 7 0 1 0 12 0a6 7 0 1 0-12 0zM69 67a6 7 0 1 0 12 0a6 7 0 1 0-12 0zM85 60a6 7 0 1 0 12 0a6 7 0 1 0-12 0z" },
  MUG: { line: "M78 54h6a12 12 0 0 1 0 26h-6", fill: "M34 42h44v46a10 10 0 0 1-10 10H44a10 10 0 0 1-10-10z", shade: "M34 42h44v9H34z" },
  PLA: { line: "M60 54V24M60 46c-4-12-14-15-21-15 2 11 11 16 21 15M60 38c3-11 12-15 19-15-1 10-9 16-19 15", fill: "M36 62h48l-6 38H42z", shade: "M32 54h56v11H32z" },
  SEC: { line: "M46 22l24 44c10 10 10 24 3 36M74 22L50 66c-10 10-10 24-3 36", fill: "M53 56a7 7 0 1 0 14 0a7 7 0 1 0-14 0z" },
  SED: { line: "M60 52v50M60 86c-10 0-14-6-16-12 8 0 14 4 16 12M60 78c8-1 12-6 14-12-8 1-12 5-14 12", fill: "M51 28a9 9 0 1 0 18 0a9 9 0 1 0-18 0zM63 38a9 9 0 1 0 18 0a9 9 0 1 0-18 0zM58 52a9 9 0 1 0 18 0a9 9 0 1 0-18 0zM44 52a9 9 0 1 0 18 0a9 9 0 1 0-18 0zM39 38a9 9 0 1 0 18 0a9 9 0 1 0-18 0z", shade: "M53 42a7 7 0 1 0 14 0a7 7 0 1 0-14 0z" },
  SOI: { fill: "M40 28h40l4 66a8 8 0 0 1-8 8H44a8 8 0 0 1-8-8z", shade: "M40 28h40l1 9H39z", mark: "M60 88V60M60 74c-8 0-11-5-12-11 7 0 11 4 12 11M60 68c6 0 9-4 10-10-6 0-9 4-10 10" },
  SPD: { line: "M60 66V24M48 22h24", fill: "M44 62h32v20c0 12-10 20-16 22-6-2-16-10-16-22z" },
  TBL: { line: "M60 50v46M60 84l-22 18M60 84l22 18", fill: "M22 44a38 9 0 1 0 76 0a38 9 0 1 0-76 0z" },
  THR: { line: "M44 94v9M52 94v9M60 94v9M68 94v9M76 94v9", fill: "M34 34h40a8 8 0 0 1 8 8v54H42a8 8 0 0 1-8-8z", shade: "M34 50h48v6H34zM34 64h48v6H34z" },
  VAS: { line: "M60 40V14M60 29c-8-2-12-8-12-14M60 24c6-2 10-6 11-12", fill: "M52 40h16v10c0 8 14 14 14 30 0 12-8 22-16 22H54c-8 0-16-10-16-22 0-16 14-22 14-30z", shade: "M50 37h20v6H50z" },
  WCN: { line: "M78 84l18-34M91 47l12 6M46 56c0-22 26-22 26 0M40 62c-20 0-20 28 0 28", fill: "M40 56h38v38a7 7 0 0 1-7 7H47a7 7 0 0 1-7-7z", shade: "M40 56h38v8H40z" },
};

const COLOURS = Object.fromEntries(
  (
    "acacia b07f4f, amber d29a3a, annual c9779b, anthracite 5d656a, ash c2a878, black 55534f, blue 4f6690, brass b9974f, " +
    "brick a5533f, celadon 93b5a0, chalk c9c6bd, charcoal 66666a, clear a9c4c6, cobalt 4463ad, copper b87348, " +
    "cotton cfc8b8, ecru cfc3a8, felt 8b8f95, forest 4f7a5c, goatskin c9ad7f, graphite 6b7176, green 6f8f63, " +
    "grey 8e9599, herbs 6f8f63, herringbone 9a8f80, indigo 5460a3, jute b99a6b, linen cbbfa5, moss 75804b, oak b98d57, " +
    "ochre c8963e, olive 7d7f4f, peat-free 7d6450, perennial 9079b5, red b34a3e, roses c27a86, rosé d6a3a0, rust a1552f, " +
    "sand d3b98c, sea 4f8397, seagrass a8a06a, slate 66727a, smoked 8b8683, solar d3bb55, speckled a89f91, steel 8a949b, " +
    "stripe 6d8aa5, teak 9c6b3f, terracotta c4694a, thorn-proof 6c7a4e, walnut 7a5437, warm e0b65a, white cfcabd, " +
    "willow b39062, zinc 9aa5a8"
  ).split(", ").map((pair) => pair.split(" ")),
);

function colour(name) {
  const word = name.toLowerCase().split(/[ ,]+/).find((each) => COLOURS[each]);
  return `#${COLOURS[word] ?? "8fa39a"}`;
}

export function Picture({ product }) {
  const { fill, line, shade, mark } = KINDS[product.sku.split("-")[0]] ?? KINDS.BLANK;
  return (
    <svg className="picture" viewBox="0 0 120 120" style={{ color: colour(product.name) }} aria-hidden="true">
      {line && <path className="stroke" d={line} />}
      <path fill="currentColor" d={fill} />
      {shade && <path className="shade" d={shade} />}
      {mark && <path className="stroke mark" d={mark} />}
    </svg>
  );
}

export const Flower = () => (
  <svg className="flower" viewBox="0 0 120 120" aria-hidden="true">
    <path className="stroke" d={KINDS.SED.line} />
    <path fill="currentColor" d={KINDS.SED.fill} />
    <path className="shade" d={KINDS.SED.shade} />
  </svg>
);
