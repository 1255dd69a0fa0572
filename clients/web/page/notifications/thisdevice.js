// Owns the part of the notification settings that is about this device.

import { h } from "../dom.js";
import { section, toggle } from "./fields.js";
import { pushSwitch } from "./pushswitch.js";

const NOTES = {
  granted: "Shown for five seconds. Urgent ones are shown until you close them",
  default: "Your browser will ask for permission",
  denied: "Blocked. Allow notifications for this site in the settings of your browser",
  unsupported: "This browser cannot show them",
};

/**
 * @param {{device: import("./device.js").Device, desktop: import("./desktop.js").Desktop,
 *          tone: import("./tone.js").Tone, push: import("./pushswitch.js").Push|null,
 *          signal: AbortSignal}} options
 */
export function thisDevice({ device, desktop, tone, push, signal }) {
  const note = h("span", {});
  const shows = toggle({ name: "Desktop notifications", note, onChange: (on) => device.setDesktop(on) });
  const plays = toggle({ name: "Sound", note: "A short tone", onChange: (on) => device.setSound(on) });
  const pushed = push && pushSwitch({ push, onAsked: () => device.asked() });
  const test = h("button", { type: "button", on: { click: () => tryOut({ device, desktop, tone }) } }, "Test");
  const words = h("span", { class: "words" }, "Try it out");

  function show() {
    const { permission } = device;
    note.textContent = NOTES[permission];
    shows.input.disabled = permission === "denied" || permission === "unsupported";
    shows.input.checked = device.showsDesktop;
    plays.input.checked = device.plays;
    test.disabled = !device.showsDesktop && !device.plays;
  }

  device.addEventListener("change", show, { signal });
  addEventListener("focus", show, { signal }); // back from the settings of the browser, perhaps
  show();
  return section("On this device", shows.node, plays.node, pushed, h("div", { class: "setting" }, words, test));
}

function tryOut({ device, desktop, tone }) {
  if (device.plays) tone.play();
  if (!device.showsDesktop) return;
  const [title, body] = ["LinkUp", "This is how a notification looks."];
  desktop.show({ id: "test", tag: "linkup:test", title, body, open: () => {} });
}
