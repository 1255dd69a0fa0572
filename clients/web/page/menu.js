// Owns the menu: beside the pointer on a desk, from the lower edge on a phone.

import { h, icon } from "./dom.js";
import { closeAfter } from "./windows.js";

const EDGE = 8; // pixels between the menu and the window's edge

/**
 * Shows a menu until something is chosen, or Escape or a click beside it ends it; the keyboard goes
 * back to where it was.
 * @param {{label: string, at: {x: number, y: number}, top?: (close: () => void) => Node,
 *          items: {name: string, icon: string, danger?: boolean, left?: number,
 *          act: () => void}[]}} options `left`: for how many milliseconds an item may be chosen
 */
export function openMenu({ label, at, top, items }) {
  const close = () => dialog.close();
  const choices = items.map((item) => choice(item, close));
  const list = h("div", { role: "menu", "aria-label": label }, top?.(close), ...choices);
  const dialog = h(
    "dialog",
    {
      class: "menu",
      on: {
        click: (event) => event.target === dialog && close(),
        close: () => dialog.remove(),
        keydown: (event) => walk(event, list),
        contextmenu: (event) => event.preventDefault(),
      },
    },
    list,
  );
  document.body.append(dialog);
  dialog.showModal();
  place(dialog, at);
  list.querySelector("button")?.focus();
}

function choice({ name, icon: drawing, danger = false, left = Infinity, act }, close) {
  const click = () => {
    close(); // first: what it opens takes the keyboard over
    act();
  };
  const properties = { type: "button", role: "menuitem", class: danger ? "danger" : "", on: { click } };
  const button = h("button", properties, icon(drawing), h("span", {}, name));
  closeAfter(button, left);
  return button;
}

function place(dialog, { x, y }) {
  const { offsetWidth, offsetHeight } = dialog;
  const left = Math.min(x, innerWidth - offsetWidth - EDGE);
  const top = Math.min(y, innerHeight - offsetHeight - EDGE);
  dialog.style.setProperty("--left", `${Math.max(EDGE, left)}px`);
  dialog.style.setProperty("--top", `${Math.max(EDGE, top)}px`);
}

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

function walk(event, list) {
  const inField = event.target instanceof HTMLInputElement;
  const step = STEPS[event.key];
  if (inField || (!step && event.key !== "Home" && event.key !== "End")) return;
  event.preventDefault();
  const buttons = [...list.querySelectorAll("button:enabled")];
  const here = buttons.indexOf(document.activeElement);
  const next = step ? here + step : event.key === "Home" ? 0 : -1;
  buttons.at(next % buttons.length).focus();
}
