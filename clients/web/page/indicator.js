// Owns what the page says about the connection: a word beside the name, a line when it matters.

import { h } from "./dom.js";

const WORDS = {
  disconnected: "Not connected",
  connecting: "Connecting…",
  connected: "Connected",
  polling: "Connected without live updates",
  stalled: "Waiting to send…",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  failed: "Not connected",
};
const TROUBLE = {
  offline: "You are offline.",
  stalled: "The server is not accepting messages at the moment.",
};
const POLLING =
  "This network blocks live connections. New messages arrive within three seconds. Who is online or typing is not shown.";
const PATIENCE_MS = 1_000; // a blink is no news

export class Indicator {
  /** The word. */
  element;
  /** The line across the page. */
  banner;
  #client;
  #onSignIn;
  #text;
  #says;
  #act;
  #timer = 0;
  #since = Date.now();

  /** @param {{client: any, onSignIn: () => void}} options */
  constructor({ client, onSignIn }) {
    this.#client = client;
    this.#onSignIn = onSignIn;
    this.#text = h("span", {});
    const dot = h("span", { class: "dot", "aria-hidden": "true" });
    this.element = h("span", { class: "connection" }, dot, this.#text);
    this.#says = h("span", { role: "status" });
    this.#act = h("button", { type: "button", class: "link", on: { click: () => this.#acted() } });
    this.banner = h("div", { class: "banner", hidden: true }, this.#says, this.#act);
    for (const event of ["state", "stalled"]) client.addEventListener(event, () => this.#changed());
    this.#show();
  }

  #changed() {
    if (this.#client.road) this.#since = 0;
    else this.#since ||= Date.now();
    this.#show();
  }

  #show() {
    clearTimeout(this.#timer);
    const { connection } = this.#client;
    const state = this.#state();
    this.element.dataset.state = this.banner.dataset.state = state;
    this.#text.textContent = WORDS[state];
    this.element.title = titleOf(state, connection);
    const waited = Date.now() - this.#since;
    const sure = state === "failed" || state === "stalled";
    const calm = isCalm(state) || (!sure && waited < PATIENCE_MS);
    this.banner.hidden = calm;
    if (calm) this.#says.textContent = ""; // so that the next words are new, and said aloud
    else this.#explain(state, connection);
    // A timer counts down; while connected it only keeps the round trip fresh.
    this.#timer = setTimeout(() => this.#show(), isCalm(state) ? 5_000 : 500);
  }

  #state() {
    if (this.#client.stalled) return "stalled";
    return this.#client.road === "http" ? "polling" : this.#client.state;
  }

  #explain(state, { reason, retryAt }) {
    const seconds = Math.ceil((retryAt - Date.now()) / 1000);
    const next = seconds > 0 ? ` Next try in ${seconds} s.` : " Trying…";
    const failed = state === "failed";
    const text = failed ? `${reason}.` : `${TROUBLE[state] ?? "No connection."} Your messages will be sent later.`;
    if (this.#says.textContent !== text) this.#says.textContent = text; // said aloud once
    this.#act.textContent = failed ? "Sign in again" : "Try now";
    this.#act.title = failed ? "" : next.trim();
    this.#act.hidden = !failed && (state === "stalled" || seconds <= 0);
  }

  #acted() {
    if (this.#client.state === "failed") this.#onSignIn();
    else this.#client.retryNow();
  }
}

const isCalm = (state) => state === "connected" || state === "polling";

function titleOf(state, { rttMs }) {
  const roundTrip = rttMs === null ? "" : `Last round trip: ${Math.round(rttMs)} ms`;
  return state === "polling" ? `${POLLING} ${roundTrip}`.trim() : roundTrip;
}
