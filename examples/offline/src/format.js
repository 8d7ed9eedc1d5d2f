// Numbers come as strings, and are exact: they are never made floats here.
const SCALE = 6;
const micros = (text) => {
  const [whole, part = ""] = text.split(".");
  return BigInt(whole + part.padEnd(SCALE, "0"));
};
const text = (value) => {
  const sign = value < 0n ? "-" : "";
  const digits = String(value < 0n ? -value : value).padStart(SCALE + 1, "0");
  return sign + `${digits.slice(0, -SCALE)}.${digits.slice(-SCALE)}`.replace(/\.?0+$/, "");
};

/** one - other: "3", "-0.5". */
export const minus = (one, other) => text(micros(one) - micros(other));

export const isPositive = (value) => micros(value) > 0n;

export const money = ({ amount, currency }) =>
  new Intl.NumberFormat(undefined, { style: "currency", currency }).format(amount);

export const moment = (when) =>
  new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(new Date(when));
