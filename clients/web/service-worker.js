// Owns what happens while no window of the page is open: a push becomes a notification, a press on
// it opens its conversation. It keeps nothing and caches nothing.

/**
 * What the server sends, encrypted.
 * @typedef {{title: string, body: string, url: string, tag: string, notification_id: string,
 *            priority: "low"|"normal"|"high"|"urgent", badge: number}} Note
 */

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("push", (event) => event.waitUntil(show(noteOf(event.data))));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.url));
});
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

/** Browsers want something to be shown for every push, whatever is in it. @returns {Note} */
function noteOf(data) {
  const usual = { title: "", body: "", url: "", tag: "", notification_id: "", priority: "normal" };
  try {
    return { ...usual, ...data?.json() };
  } catch {
    return usual;
  }
}

/** @param {Note} note */
async function show({ title, body, url, tag, notification_id, priority, badge }) {
  if (Number.isInteger(badge)) await setBadge(badge);
  await self.registration.showNotification(title || "You have a new notification", {
    body,
    tag,
    renotify: tag !== "",
    requireInteraction: priority === "urgent",
    silent: priority === "low",
    icon: "/static/icon.svg",
    data: { url, notification_id },
  });
}

/** On the icon of an installed page, where there are such. */
async function setBadge(count) {
  try {
    await navigator.setAppBadge?.(count);
  } catch {
    // not allowed here
  }
}

/** The window that shows it already, else a new one. */
async function open(url) {
  const target = addressOf(url);
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((window) => pathOf(window.url) === pathOf(target));
  if (there) await there.focus();
  else await self.clients.openWindow(target);
}

/** Nothing but a page is opened, whatever was sent. */
function addressOf(url) {
  const address = URL.canParse(url, self.location.href) ? new URL(url, self.location.href) : null;
  return ["http:", "https:"].includes(address?.protocol) ? address.href : new URL("/", self.location.href).href;
}

function pathOf(url) {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** The windows know who is signed in: they send the new subscription, at once or when one opens. */
async function renew({ oldSubscription }) {
  const options = oldSubscription?.options;
  if (options) await self.registration.pushManager.subscribe(options);
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  for (const window of windows) window.postMessage({ type: "push-subscription-changed" });
}
