// Owns this browser's subscription to web push: what is possible, subscribing, unsubscribing, and
// keeping the server told. Every function takes the client; nothing here is on the screen.

const WORKER = "/service-worker.js";
const CHANGED = "push-subscription-changed";

/** @typedef {"unsupported"|"off"|"denied"|"subscribed"|"unsubscribed"} PushState */

/** Returns whether this browser can show notifications while no window of the page is open. */
export function canPush() {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

/**
 * `off`: the server has no key for it; `denied`: the person has refused notifications.
 * @param {import("../linkup-client.js").LinkupClient} client
 * @returns {Promise<PushState>}
 */
export async function pushState(client) {
  if (!canPush()) return "unsupported";
  const { public_key: key } = await client.api.pushKey();
  if (!key) return "off";
  if (Notification.permission === "denied") return "denied";
  const subscription = await current();
  return subscription && isOf(subscription, key) ? "subscribed" : "unsubscribed";
}

/**
 * Asks for permission, which browsers allow only in answer to a press, and subscribes.
 * @param {import("../linkup-client.js").LinkupClient} client
 * @returns {Promise<PushState>} rejects when the browser or the server refuses
 */
export async function subscribe(client) {
  if (!canPush()) return "unsupported";
  if ((await Notification.requestPermission()) !== "granted") return "denied";
  const { public_key: key } = await client.api.pushKey();
  if (!key) return "off";
  await client.api.addPushSubscription((await subscribed(key)).toJSON());
  return "subscribed";
}

/**
 * Ends it here and at the server; also before signing out, as the next person at this browser must not
 * get what is for this one.
 * @param {import("../linkup-client.js").LinkupClient} client
 * @returns {Promise<PushState>}
 */
export async function unsubscribe(client) {
  const subscription = canPush() ? await current() : null;
  if (!subscription) return "unsubscribed";
  await subscription.unsubscribe(); // from now on the server is told that it is gone
  await client.api.removePushSubscription(subscription.endpoint);
  return "unsubscribed";
}

/**
 * Keeps the server told while the page is open: browsers change a subscription by themselves, and
 * the server may have another key than the one it was made with.
 * @param {import("../linkup-client.js").LinkupClient} client
 * @returns {() => void} ends it
 */
export function keepSubscription(client) {
  if (!canPush()) return () => {};
  const tell = () => renew(client).catch(() => {}); // it is tried again when the page is next opened
  const onMessage = ({ data }) => data?.type === CHANGED && tell();
  navigator.serviceWorker.addEventListener("message", onMessage);
  tell();
  return () => navigator.serviceWorker.removeEventListener("message", onMessage);
}

async function renew(client) {
  const subscription = await current();
  if (!subscription || Notification.permission !== "granted") return;
  const { public_key: key } = await client.api.pushKey();
  if (!key) return;
  await client.api.addPushSubscription((await subscribed(key)).toJSON());
}

/** @param {string} key the server's @returns {Promise<PushSubscription>} */
async function subscribed(key) {
  const registration = await registered();
  const there = await registration.pushManager.getSubscription();
  if (there && isOf(there, key)) return there;
  await there?.unsubscribe(); // a browser has one at a time, for one key
  const options = { userVisibleOnly: true, applicationServerKey: bytesOf(key) };
  return registration.pushManager.subscribe(options);
}

/** @returns {Promise<PushSubscription|null>} */
async function current() {
  const registration = await navigator.serviceWorker.getRegistration("/");
  return (await registration?.pushManager.getSubscription()) ?? null;
}

async function registered() {
  await navigator.serviceWorker.register(workerUrl(), { updateViaCache: "none" });
  return navigator.serviceWorker.ready;
}

let policy; // a name can be taken once in a page

/** Trusted types let no text become a script's address but this one. */
function workerUrl() {
  if (!window.trustedTypes) return WORKER;
  policy ??= window.trustedTypes.createPolicy("linkup-worker", { createScriptURL: () => WORKER });
  return policy.createScriptURL("");
}

function isOf(subscription, key) {
  const made = subscription.options.applicationServerKey;
  return made !== null && String(new Uint8Array(made)) === String(bytesOf(key));
}

/** @param {string} text base64url */
function bytesOf(text) {
  const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
