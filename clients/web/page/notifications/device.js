// Owns what this browser does about a notification: what it may, and what its user chose here.

const KEY = "linkup.device.";
const ANDROID = /Android/u; // there, only a service worker may show one

/** The storage, or null where a browser keeps nothing for a page in a frame. */
const kept = storage();

function storage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

/** Emits `change`. The choices are remembered on this device, for everybody who uses it. */
export class Device extends EventTarget {
  /** Returns what the browser allows. @returns {"granted"|"denied"|"default"|"unsupported"} */
  get permission() {
    const isPossible = "Notification" in globalThis && !ANDROID.test(navigator.userAgent);
    return isPossible ? Notification.permission : "unsupported";
  }

  get showsDesktop() {
    return this.permission === "granted" && kept?.getItem(`${KEY}desktop`) !== "off";
  }

  get plays() {
    return kept?.getItem(`${KEY}sound`) === "on";
  }

  /** Looks at the permission again, which may be another one now. */
  asked() {
    this.dispatchEvent(new Event("change"));
  }

  /** Asks for the permission if need be. @param {boolean} on */
  async setDesktop(on) {
    kept?.setItem(`${KEY}desktop`, on ? "on" : "off");
    if (on && this.permission === "default") await Notification.requestPermission();
    this.dispatchEvent(new Event("change"));
  }

  /** @param {boolean} on */
  setSound(on) {
    kept?.setItem(`${KEY}sound`, on ? "on" : "off");
    this.dispatchEvent(new Event("change"));
  }
}
