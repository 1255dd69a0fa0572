// Owns the upper end of the list of messages: a beginning, more to load, or what went wrong.

import { h, icon } from "./dom.js";
import { isolated } from "./names.js";

/** @param {{onRetry: () => void}} options */
export function head({ onRetry }) {
  const node = h("div", { class: "head" });

  function show(chat) {
    const state = stateOf(chat);
    if (node.dataset.state === state) return;
    node.dataset.state = state;
    node.replaceChildren(...contentOf(chat, state, onRetry));
  }

  return { node, show };
}

function stateOf(chat) {
  if (chat.error) return "error";
  if (chat.loading && !chat.loaded) return "loading";
  if (chat.hasMore) return "more";
  return chat.messages.length + chat.pending.length ? "start" : "empty";
}

function contentOf(chat, state, onRetry) {
  if (state === "loading") return skeleton();
  if (state === "more") return [h("span", { class: "spinner", "aria-hidden": "true" })];
  if (state === "error") {
    const again = { type: "button", on: { click: onRetry } };
    return [h("p", { role: "alert" }, chat.error), h("button", again, "Try again")];
  }
  if (state === "start") return [h("p", {}, "This is the beginning of the conversation.")];
  const greeting = chat.isSaved
    ? "Keep notes, links and drafts here. Only you can see them."
    : `Nothing here yet. Say hello to ${isolated(chat.title)}.`;
  return [h("p", { class: "greeting" }, icon(chat.isSaved ? "bookmark" : "chat"), greeting)];
}

function skeleton() {
  const widths = ["w40", "w60 own", "w30", "w50 own", "w60", "w40 own"];
  return widths.map((width) => h("div", { class: `skeleton ${width}`, "aria-hidden": "true" }));
}
