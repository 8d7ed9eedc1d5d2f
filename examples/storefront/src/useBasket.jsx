import { createContext, useContext, useState } from "react";
import { useClient } from "urql";

import { ORDER_CREATE } from "./documents";
import { plus } from "./format";
import { send } from "./graph";

const KEPT = "storefront:basket";
const EMPTY = { lines: [], customer: "", backorder: false, intent: null };
const Basket = createContext(null);
export const useBasket = () => useContext(Basket);

/**
 * The tab's basket. `lines`: product and quantity; `intent`: the order that was sent and has no answer yet, with its
 * idempotencyKey. It outlives a reload, and until it is answered the basket stands still: a retry must be the same.
 */
export function BasketProvider({ children }) {
  const client = useClient();
  const [basket, setBasket] = useState(() => JSON.parse(sessionStorage.getItem(KEPT)) ?? EMPTY);
  const [sending, setSending] = useState(false);
  const [trouble, setTrouble] = useState(null);
  const [refusals, setRefusals] = useState([]); // userErrors, each with the id of the product of its line

  function change(made) {
    sessionStorage.setItem(KEPT, JSON.stringify(made));
    setBasket(made);
  }

  const lineOf = (id) => basket.lines.find((line) => line.product.id === id);
  const forgive = (id) => setRefusals(refusals.filter((refusal) => refusal.product && refusal.product !== id));

  function put(product, quantity) {
    const line = { product, quantity };
    const lines = lineOf(product.id)
      ? basket.lines.map((each) => (each.product.id === product.id ? line : each))
      : [...basket.lines, line];
    change({ ...basket, lines });
    forgive(product.id);
  }

  function drop(id) {
    change({ ...basket, lines: basket.lines.filter((line) => line.product.id !== id) });
    forgive(id);
  }

  function allowBackorder(backorder) {
    change({ ...basket, backorder });
    setRefusals([]);
  }

  /** Sends the order, or again the one that has no answer. The order that was made, or undefined. */
  async function place(confirm) {
    const intent = basket.intent ?? {
      customer: { id: basket.customer },
      lineItems: basket.lines.map(({ product, quantity }) => ({ product: { id: product.id }, quantity })),
      confirm,
      allowBackorder: basket.backorder,
      idempotencyKey: crypto.randomUUID(),
    };
    change({ ...basket, intent });
    setSending(true);
    setTrouble(null);
    setRefusals([]);
    const { payload, error, answered } = await send(client, ORDER_CREATE, intent);
    setSending(false);
    if (payload?.order) {
      change(EMPTY);
      return payload.order;
    }
    if (answered) change({ ...basket, intent: null });
    setTrouble(error ?? null);
    setRefusals((payload?.userErrors ?? []).map((refusal) => ({ ...refusal, product: at(intent, refusal.path) })));
  }

  const choose = (id) => change({ ...basket, customer: id });
  const add = (product) => put(product, plus(lineOf(product.id)?.quantity ?? "0", "1"));
  const value = { ...basket, sending, trouble, refusals, add, put, drop, choose, allowBackorder, place };
  return <Basket value={value}>{children}</Basket>;
}

/** Which product a path such as ["input", "lineItems", "2", "quantity"] leads to; null: none. */
function at(intent, path) {
  const [, list, place] = path ?? [];
  return list === "lineItems" ? intent.lineItems[place].product.id : null;
}
