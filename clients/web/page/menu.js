// Owns the menu: beside the pointer on a desk, from the lower edge on a phone.

import { h, icon } from "./dom.js";
import { closeAfter } from "./windows.js";

const EDGE = 8; // pixels between the menu and the window's edge

/**
 * Shows a menu until something is chosen, or Escape or a click beside it ends it; the keyboard goes
 * back to where it was.
 * @param {{label: string, at: {x: number, y: number}, top?: (close: () => void) => Node,
 *          items: {name: string, icon?: string, note?: string, danger?: boolean, checked?: boolean,
 *          left?: number, act: () => void}[]}} options
 *        `checked`: one of several, and whether it is the present one; `left`: for how many
 *        milliseconds an item may be chosen
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
  (list.querySelector("[role=menuitemradio][aria-checked=true]") ?? list.querySelector("button"))?.focus();
}

function choice({ name, note, danger = false, checked, left = Infinity, act, ...item }, close) {
  const click = () => {
    close(); // first: what it opens takes the keyboard over
    act();
  };
  const state = checked === undefined ? {} : { role: "menuitemradio", "aria-checked": String(checked) };
  const properties = { type: "button", role: "menuitem", class: danger ? "danger" : "", ...state, on: { click } };
  const drawing = checked === undefined ? icon(item.icon) : icon("check");
  const text = h("span", {}, name, note && h("small", {}, note));
  const button = h("button", properties, drawing, text);
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
