// Owns the question before something that cannot be taken back.

import { h } from "./dom.js";
import { closeAfter } from "./windows.js";

/**
 * @param {{title: string, text: string,
 *          choices: {name: string, value: string, danger?: boolean, left?: number}[]}} question
 *        `left`: for how many milliseconds it may be chosen
 * @returns {Promise<string|null>} the value of the choice; null: better not
 */
export function confirm({ title, text, choices }) {
  return new Promise((resolve) => {
    const answer = ({ name, value, danger, left = Infinity }) => {
      const click = () => dialog.close(value);
      const button = h("button", { type: "button", class: danger ? "danger" : "", on: { click } }, name);
      closeAfter(button, left);
      return button;
    };
    const cancel = { type: "button", autofocus: true, on: { click: () => dialog.close() } };
    const dialog = h(
      "dialog",
      {
        class: "ask",
        role: "alertdialog",
        "aria-labelledby": "ask-title",
        "aria-describedby": "ask-text",
        on: {
          close: () => {
            dialog.remove();
            resolve(dialog.returnValue || null);
          },
        },
      },
      h("h2", { id: "ask-title" }, title),
      h("p", { id: "ask-text" }, text),
      h("div", { class: "choices" }, ...choices.map(answer), h("button", cancel, "Cancel")),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
