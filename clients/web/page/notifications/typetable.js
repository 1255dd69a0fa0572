// Owns the table of the notification settings: a row for each type, a column for each channel.

import { h } from "../dom.js";
import { grouped, wordsOf } from "./types.js";

const COLUMNS = [["enabled", "On"], ["realtime", "In app"], ["push", "Push"], ["email", "E-mail"]];

/** @param {{preferences: import("./preferences.js").Preferences, signal: AbortSignal}} options */
export function typeTable({ preferences, signal }) {
  const types = preferences.known.types.map(({ notification_type }) => notification_type);
  const boxes = new Map(types.map((type) => [type, boxesOf(type, preferences)]));
  const heads = COLUMNS.map(([, words]) => h("th", { scope: "col" }, words));
  const head = h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Tell me about"), ...heads));
  const bodies = grouped(types).map((group) => body(group, boxes));

  function show() {
    for (const [type, ofType] of boxes) showRow(preferences.of(type), ofType);
  }

  preferences.addEventListener("change", show, { signal });
  show();
  return h("table", { class: "types" }, head, ...bodies);
}

function boxesOf(type, preferences) {
  return COLUMNS.map(([channel, words]) => {
    const change = ({ target }) => preferences.setType(type, { [channel]: target.checked });
    const label = `${wordsOf(type)}: ${words}`;
    return h("input", { type: "checkbox", "aria-label": label, "data-channel": channel, on: { change } });
  });
}

function body({ name, types }, boxes) {
  const heading = h("tr", { class: "group" }, h("th", { scope: "rowgroup", colspan: "5" }, name));
  return h("tbody", {}, heading, ...types.map((type) => row(type, boxes.get(type))));
}

function row(type, boxes) {
  const cells = boxes.map((box) => h("td", {}, h("label", {}, box)));
  return h("tr", {}, h("th", { scope: "row" }, wordsOf(type)), ...cells);
}

/** What is switched off is not even listed, so its channels have nothing to say. */
function showRow(preference, boxes) {
  for (const box of boxes) {
    const { channel } = box.dataset;
    box.checked = preference[channel];
    box.disabled = channel !== "enabled" && !preference.enabled;
  }
}
