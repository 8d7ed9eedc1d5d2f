// What GraphiQL leaves out for people without a mouse or without eyes: names of its editors, tabs that are tabs, and panels that
// the arrow keys resize. It has no settings for these; what is set here it never sets itself.

import { useEffect } from "react";

const STEP = 24; // pixels for each press of an arrow key

const SEPARATORS = [
  { bar: ".graphiql-main > .graphiql-horizontal-drag-bar", name: "Width of the documentation" },
  { bar: ".graphiql-session > .graphiql-horizontal-drag-bar", name: "Width of the editors" },
  { bar: ".graphiql-editors > div > .graphiql-editor-tools", name: "Height of the query", grip: true },
];

/** Name the editors, and let the Tab key out of them: CodeMirror takes it for itself. Completions still take it first. */
export function useEditors(editors) {
  useEffect(() => {
    const leave = { Tab: false, "Shift-Tab": false };
    const there = Object.entries(editors).filter(([, editor]) => editor);
    for (const [name, editor] of there) {
      editor.addKeyMap(leave);
      const field = editor.getInputField();
      field.setAttribute("role", "textbox");
      field.setAttribute("aria-multiline", "true");
      field.setAttribute("aria-label", name);
      if (editor.getOption("readOnly")) field.setAttribute("aria-readonly", "true");
    }
    return () => there.forEach(([, editor]) => editor.removeKeyMap(leave));
  }, Object.values(editors));
}

/** After each rendering: a tab is the button that has its name, not the list's item with two buttons in it. */
export function useTabs() {
  useEffect(() => {
    const list = document.querySelector(".graphiql-tabs");
    list?.setAttribute("role", "group");
    for (const item of list?.querySelectorAll(".graphiql-tab") ?? []) {
      const [tab, close] = item.querySelectorAll("button");
      item.setAttribute("role", "none");
      item.removeAttribute("aria-selected");
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-selected", String(item.classList.contains("graphiql-tab-active")));
      close.setAttribute("aria-label", `Close ${tab.textContent}`);
    }
  });
}

/** Separators for the keyboard, and a name for the tree's choice of operations, as soon as GraphiQL shows them. */
export function usePanels() {
  useEffect(() => {
    const look = () => {
      for (const each of SEPARATORS) for (const bar of document.querySelectorAll(each.bar)) separator(bar, each);
      const added = document.querySelector(".graphiql-plugin form select");
      added?.setAttribute("aria-label", "Kind of the new operation");
    };
    const seen = new MutationObserver(look);
    seen.observe(document.querySelector(".graphiql-main"), { childList: true });
    seen.observe(document.querySelector(".graphiql-plugin"), { childList: true, subtree: true });
    look();
    return () => seen.disconnect();
  }, []);
}

function separator(bar, { name, grip }) {
  if (bar.dataset.named) return;
  bar.dataset.named = "true";
  const handle = grip ? bar.insertBefore(document.createElement("div"), bar.firstChild) : bar;
  const dragged = grip ? bar.parentElement : bar; // what GraphiQL listens to, between the two that share the room
  const upright = !grip;
  const share = () => {
    const [before, after] = [dragged.previousElementSibling, dragged.nextElementSibling].map((each) => {
      const { width, height } = each.getBoundingClientRect();
      return upright ? width : height;
    });
    handle.setAttribute("aria-valuenow", String(Math.round((before / (before + after || 1)) * 100)));
  };
  handle.classList.add("separator");
  handle.tabIndex = 0;
  for (const [attribute, value] of Object.entries({
    role: "separator",
    "aria-orientation": upright ? "vertical" : "horizontal",
    "aria-label": name,
    "aria-valuemin": 0,
    "aria-valuemax": 100,
  })) handle.setAttribute(attribute, value);
  handle.addEventListener("focus", share);
  handle.addEventListener("keydown", (event) => {
    const by = step(event, upright);
    if (by === undefined) return;
    event.preventDefault();
    if (by === null) dragged.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    else drag(dragged, upright ? by : 0, upright ? 0 : by);
    share();
  });
  share();
}

/** How far a key moves a separator: pixels; null: back to where it was at first; undefined: this key doesn't. */
export function step({ key, ctrlKey, metaKey, altKey }, upright) {
  if (ctrlKey || metaKey || altKey) return undefined;
  if (key === "Enter") return null;
  return { [upright ? "ArrowLeft" : "ArrowUp"]: -STEP, [upright ? "ArrowRight" : "ArrowDown"]: STEP }[key];
}

/** By the mouse's own events: so GraphiQL hides, shows and keeps as for a mouse. */
function drag(bar, x, y) {
  const { left, top } = bar.getBoundingClientRect();
  const at = (more) => ({ bubbles: true, buttons: 1, clientX: left + 1 + more * x, clientY: top + 1 + more * y });
  bar.dispatchEvent(new MouseEvent("mousedown", at(0)));
  document.dispatchEvent(new MouseEvent("mousemove", at(1)));
  document.dispatchEvent(new MouseEvent("mouseup", at(1)));
}
