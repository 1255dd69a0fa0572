// Owns the window over the page: a title, what is in it, and a way out.

import { h, icon } from "./dom.js";

/**
 * Opens it; Escape, the cross or a click beside it ends it.
 * @param {{title: string, onClose?: () => void}} options @param {...Node} content
 * @returns {HTMLDialogElement}
 */
export function openSheet({ title, onClose = () => {} }, ...content) {
  const closed = () => {
    sheet.remove();
    onClose();
  };
  const beside = (event) => event.target === sheet && sheet.close();
  const out = { type: "button", class: "round", "aria-label": "Close", on: { click: () => sheet.close() } };
  const head = h("header", {}, h("h2", { id: "sheet-title" }, title), h("button", out, icon("close")));
  const sheet = h(
    "dialog",
    { class: "sheet", "aria-labelledby": "sheet-title", on: { close: closed, pointerdown: beside } },
    h("div", { class: "inside" }, head, ...content),
  );
  document.body.append(sheet);
  sheet.showModal();
  return sheet;
}
