/** How many of what: 1 byte, 2,000 bytes. */
export const count = (value, one) => `${value.toLocaleString("en")} ${one}${value === 1 ? "" : "s"}`;
