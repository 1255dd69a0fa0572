// Owns the fields of the notification settings: a switch, and a choice of several.

import { h } from "../dom.js";

/**
 * @param {{name: string, note?: string|Node, onChange: (on: boolean) => void}} options
 * @returns {{node: HTMLElement, input: HTMLInputElement}}
 */
export function toggle({ name, note, onChange }) {
  const change = () => onChange(input.checked);
  const input = h("input", { type: "checkbox", role: "switch", "aria-label": name, on: { change } });
  return setting(name, note, input);
}

/**
 * @param {{name: string, note?: string|Node, options: (string[])[], onChange: (value: string) => void}} of
 *        `options`: pairs of a value and its words
 * @returns {{node: HTMLElement, input: HTMLSelectElement}}
 */
export function choice({ name, note, options, onChange }) {
  const change = () => onChange(input.value);
  const items = options.map(([value, words]) => h("option", { value }, words));
  const input = h("select", { "aria-label": name, on: { change } }, ...items);
  return setting(name, note, input);
}

/** @param {string} title @param {...(Node|null)} content */
export function section(title, ...content) {
  return h("section", { "aria-label": title }, h("h3", {}, title), ...content);
}

function setting(name, note, input) {
  const words = h("span", { class: "words" }, name, note && h("small", {}, note));
  return { node: h("label", { class: "setting" }, words, input), input };
}
