// Numbers come as strings, and are exact: they are never made floats here.

const SCALE = 6;
const micros = (text) => {
  const [whole, part = ""] = text.split(".");
  return BigInt(whole + part.padEnd(SCALE, "0"));
};

/** quantity × price of each line, rounded half up to the currency's digits as the server does, summed: "12.50". */
export function total(lines, currency) {
  const { maximumFractionDigits: digits } = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions();
  const unit = 10n ** BigInt(2 * SCALE - digits);
  const rounded = lines.map(({ quantity, price }) => (micros(quantity) * micros(price) + unit / 2n) / unit);
  const sum = String(rounded.reduce((one, other) => one + other, 0n)).padStart(digits + 1, "0");
  return digits ? `${sum.slice(0, -digits)}.${sum.slice(-digits)}` : sum;
}

export const isQuantity = (text) => /^\d{1,9}(\.\d{1,6})?$/.test(text) && micros(text) > 0n;

export const less = (one, other) => micros(one) < micros(other);

/** one + other, or one - other where that is negative: "3", "0.5". */
export function plus(one, other, sign = 1n) {
  const sum = String(micros(one) + sign * micros(other)).padStart(SCALE + 1, "0");
  return `${sum.slice(0, -SCALE)}.${sum.slice(-SCALE)}`.replace(/\.?0+$/, "");
}

export const money = ({ amount, currency }) =>
  new Intl.NumberFormat(undefined, { style: "currency", currency }).format(amount);

export const quantity = (amount, unit) =>
  new Intl.NumberFormat(undefined, { maximumFractionDigits: SCALE }).format(amount) + (unit === "pcs" ? "" : ` ${unit}`);

export const percent = (rate) => new Intl.NumberFormat(undefined, { maximumFractionDigits: SCALE }).format(rate) + "\u00a0%";

export const moment = (text) =>
  new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));

export const capital = (word) => word[0].toUpperCase() + word.slice(1).toLowerCase();
