// Owns the choice of an emoji: a handful at hand, and any other that one can type.

import { h, icon } from "./dom.js";

const AT_HAND = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const EMOJI = /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u;
const MAX_BYTES = 32;

/** Returns the first emoji of what was typed, or null. @param {string} text */
export function emojiIn(text) {
  const first = firstCharacter(text.trim());
  const fits = new TextEncoder().encode(first).length <= MAX_BYTES;
  return EMOJI.test(first) && fits ? first : null;
}

/**
 * @param {{mine: (emoji: string) => boolean, onPick: (emoji: string) => void}} options
 * @returns {HTMLElement}
 */
export function emojiChoice({ mine, onPick }) {
  const row = h("div", { class: "emoji", role: "group", "aria-label": "React" });
  const pick = (emoji) =>
    h(
      "button",
      {
        type: "button",
        role: "menuitemcheckbox",
        "aria-checked": String(mine(emoji)),
        "aria-label": `React with ${emoji}`,
        on: { click: () => onPick(emoji) },
      },
      emoji,
    );
  const other = h(
    "button",
    {
      type: "button",
      role: "menuitem",
      "aria-label": "Another emoji",
      on: { click: () => row.replaceChildren(...typed(onPick)) },
    },
    icon("plus"),
  );
  row.append(...AT_HAND.map(pick), other);
  return row;
}

function typed(onPick) {
  const field = h("input", {
    "aria-label": "Emoji",
    placeholder: "Type an emoji",
    autocomplete: "off",
    maxlength: "32",
    on: { input: () => field.setCustomValidity("") },
  });
  const submit = (event) => {
    event.preventDefault();
    const emoji = emojiIn(field.value);
    if (emoji) onPick(emoji);
    else refuse(field);
  };
  const add = h("button", { type: "submit", class: "primary" }, "React");
  const form = h("form", { class: "together", on: { submit } }, field, add);
  queueMicrotask(() => field.focus());
  return [form];
}

function refuse(field) {
  field.setCustomValidity("This is not an emoji");
  field.reportValidity();
}

function firstCharacter(text) {
  if (!Intl.Segmenter) return Array.from(text)[0] ?? "";
  const [first] = new Intl.Segmenter().segment(text);
  return first?.segment ?? "";
}
