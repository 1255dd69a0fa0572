// Owns the screen that replaces the page while nobody is signed in through the host app.

import { h, icon } from "../dom.js";

/** Returns the screen that is shown while somebody is signed in or out. @param {string} text */
export function waitingView(text) {
  return card([h("p", { class: "lead", role: "status" }, text)], { "aria-busy": "true" });
}

/** @param {{text: string, onAgain: () => void}} options `text`: why the app has not answered */
export function awayView({ text, onAgain }) {
  return card([h("p", { class: "lead", role: "status" }, `${text}.`), again(onAgain)]);
}

/**
 * @param {{url: string, why?: string, onAgain: () => void}} options
 *        `url`: of the app; empty: it says that one is signed in. `why`: what the server says to that
 */
export function signedOutView({ url, why, onAgain }) {
  if (!url) {
    const words = ["The server does not accept your session.", why && `${why}.`].filter(Boolean).join(" ");
    return card([h("p", { class: "lead", role: "alert" }, words), again(onAgain)]);
  }
  const link = { class: "primary button", href: url, target: "_top" };
  return card([
    h("h1", {}, "You are signed out"),
    h("p", { class: "lead" }, "Sign in to see your messages."),
    h("p", {}, h("a", link, "Sign in")),
  ]);
}

/** Returns the screen of a page with neither an app nor a demo. */
export function closedView() {
  return card([
    h("h1", {}, "LinkUp messaging"),
    h("p", { class: "lead" }, "Nobody can sign in on this page. Please open your messages from your app."),
  ]);
}

function again(onAgain) {
  return h("p", {}, h("button", { type: "button", class: "primary", on: { click: onAgain } }, "Try again"));
}

function card(children, properties = {}) {
  return h("main", { class: "login", ...properties }, h("div", { class: "logo" }, icon("chat")), ...children);
}
