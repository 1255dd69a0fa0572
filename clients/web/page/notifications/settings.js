// Owns the window of the notification settings.

import { h } from "../dom.js";
import { Foot } from "../foot.js";
import { openSheet } from "../sheet.js";
import { choice, section } from "./fields.js";
import { quietHours } from "./quiethours.js";
import { thisDevice } from "./thisdevice.js";
import { typeTable } from "./typetable.js";

const DIGESTS = [
  ["off", "One by one"],
  ["hourly", "Together, each hour"],
  ["daily", "Together, each day"],
  ["weekly", "Together, each week"],
];
const HINT =
  "“On” lists these notifications under the bell. The other columns also show or send them: in the open app, as a push message, by e-mail.";

/**
 * @param {{preferences: import("./preferences.js").Preferences, again: import("../again.js").Again,
 *          device: import("./device.js").Device, desktop: import("./desktop.js").Desktop,
 *          tone: import("./tone.js").Tone, push: import("./pushswitch.js").Push|null}} options
 */
export function openSettings({ preferences, again, device, desktop, tone, push }) {
  const closed = new AbortController();
  const { signal } = closed;
  const rest = h("div", { class: "stored", tabindex: "-1", "aria-busy": "true" }, ...skeleton());
  const foot = new Foot({ rest, again, onMore: async () => {} });
  const onClose = () => {
    closed.abort();
    foot.close();
  };
  const outcome = outcomeOf(preferences, signal);
  const here = thisDevice({ device, desktop, tone, push, signal });
  const sheet = openSheet({ title: "Notification settings", onClose }, here, rest, foot.element, outcome);
  sheet.classList.add("settings");
  foot.load(async () => {
    await preferences.load();
    rest.replaceChildren(...stored(preferences, signal));
    rest.setAttribute("aria-busy", "false");
  });
}

/** Shows what the server keeps. */
function stored(preferences, signal) {
  const hint = h("p", { class: "quiet" }, HINT);
  const table = section("Types of notifications", hint, typeTable({ preferences, signal }));
  return [quietHours({ preferences, signal }), section("E-mail", digest(preferences, signal)), table];
}

function digest(preferences, signal) {
  const onChange = (value) => preferences.set({ digest: value });
  const { node, input } = choice({ name: "Send e-mails", options: DIGESTS, onChange });
  const show = () => (input.value = preferences.known.digest);
  preferences.addEventListener("change", show, { signal });
  show();
  return node;
}

/** It stays in view at the lower edge. */
function outcomeOf(preferences, signal) {
  const node = h("p", { class: "outcome", role: "status" });
  const say = (words, isFault) => {
    node.textContent = words;
    node.classList.toggle("fault", isFault);
  };
  preferences.addEventListener("change", () => say("", false), { signal });
  preferences.addEventListener("saved", () => say("Saved", false), { signal });
  preferences.addEventListener("refused", ({ detail }) => say(`Not saved: ${detail.message}`, true), { signal });
  return node;
}

const skeleton = () => Array.from({ length: 5 }, () => h("div", { class: "skeleton", "aria-hidden": "true" }));
