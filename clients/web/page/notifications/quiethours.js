// Owns the quiet hours in the notification settings, and the time zone in which they are meant.

import { h } from "../dom.js";
import { choice, section, toggle } from "./fields.js";

const USUAL = { start: "22:00", end: "07:00" };
const NOTE = "Push messages and e-mails wait until the quiet hours are over. Important and urgent ones do not wait.";
const PROFILE = "As in your profile";

/** @param {{preferences: import("./preferences.js").Preferences, signal: AbortSignal}} options */
export function quietHours({ preferences, signal }) {
  const [from, until] = [time("From"), time("Until")];
  const onChange = (on) => preferences.set(on ? begun(preferences.known) : { quiet_hours: null });
  const quiet = toggle({ name: "Wait during quiet hours", note: NOTE, onChange });
  const clock = h("span", {});
  const onZone = (zone) => preferences.set({ time_zone: zone || null });
  const zone = choice({ name: "Time zone", note: clock, options: zonesWith(preferences.known.time_zone), onChange: onZone });
  const hours = h("div", { class: "hours" }, from.node, until.node);

  function changed() {
    const [start, end] = [from.input.value, until.input.value];
    if (start && end && start !== end) preferences.set({ quiet_hours: { start, end } });
  }

  function show() {
    const { quiet_hours, time_zone } = preferences.known;
    quiet.input.checked = Boolean(quiet_hours);
    hours.hidden = zone.node.hidden = !quiet_hours;
    fill(from.input, quiet_hours?.start);
    fill(until.input, quiet_hours?.end);
    zone.input.value = time_zone ?? "";
    clock.textContent = time_zone ? `It is ${timeIn(time_zone)} there now` : "UTC, if your profile names none";
  }

  for (const { input } of [from, until]) input.addEventListener("change", changed);
  preferences.addEventListener("change", show, { signal });
  show();
  return section("Quiet hours", quiet.node, hours, zone.node);
}

/** The zone of this device is the likely one; it is shown, and can be changed. */
function begun({ time_zone }) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return { quiet_hours: USUAL, time_zone: time_zone ?? here };
}

function time(name) {
  const input = h("input", { type: "time", required: true });
  return { node: h("label", {}, name, input), input };
}

/** Not while it is typed in. */
function fill(input, value = "") {
  if (document.activeElement !== input) input.value = value;
}

function zonesWith(present) {
  const known = Intl.supportedValuesOf?.("timeZone") ?? [];
  const zones = new Set([...known, "UTC", ...(present ? [present] : [])]);
  return [["", PROFILE], ...[...zones].sort().map((zone) => [zone, zone.replaceAll("_", " ")])];
}

function timeIn(timeZone) {
  return new Intl.DateTimeFormat(undefined, { timeZone, hour: "2-digit", minute: "2-digit" }).format(new Date());
}
