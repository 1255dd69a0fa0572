// Owns how the notifications come to life in a page: a bell in an element, and what it opens.

import { explain } from "../explain.js";
import { bell } from "./bell.js";
import { Centre } from "./centre.js";
import { Desktop } from "./desktop.js";
import { Device } from "./device.js";
import { addressOf } from "./entry.js";
import { Feed } from "./feed.js";
import { Preferences } from "./preferences.js";
import { openSettings } from "./settings.js";
import { Tone } from "./tone.js";

/**
 * Shows the bell in `root` once the server has answered about notifications. Under a server without
 * them, nothing appears.
 * @param {{root: HTMLElement, client: any, again: import("../again.js").Again, signal?: AbortSignal,
 *          push?: import("./pushswitch.js").Push,
 *          on: {conversation: (conversationId: string) => void, watched: () => string|null,
 *          refused: (message: string) => void,
 *          message?: (preferences: Preferences) => (message: any) => Promise<any>}}} options
 *        `signal`: takes it out again; `push`: subscribes this browser to web push; `watched`: the
 *        conversation on the screen; `message`: makes a desktop notification of a new message
 * @returns {Feed} emits `change`
 */
export function mountNotifications({ root, client, again, signal, push = null, on }) {
  const feed = new Feed({ client, again, signal });
  const preferences = new Preferences({ client });
  const [device, tone] = [new Device(), new Tone()];
  const open = (notice) => follow(notice, on);
  const settings = () => openSettings({ preferences, again, device, desktop, tone, push });
  const centre = (below) => new Centre({ feed, again, below, on: { open, settings, refused: on.refused } });
  const nodes = bell({ feed, onOpen: centre });
  let desktop = null;

  function begin() {
    const message = on.message?.(preferences) ?? (async () => null);
    const told = { open: (notice) => opened(notice, feed, on), watched: on.watched, message };
    desktop = new Desktop({ client, device, tone, signal, on: told });
    root.append(...nodes);
  }

  signal?.addEventListener("abort", () => nodes.forEach((node) => node.remove()));
  again.until(() => feed.load(), { signal }).then(begin, () => {});
  return feed;
}

/** Opens a notification of the list; a link to another site follows itself. */
function follow({ conversation_id }, on) {
  if (conversation_id) on.conversation(conversation_id);
}

/** Opens a notification of the desktop. */
function opened(notice, feed, on) {
  feed.read(notice).catch((error) => on.refused(explain(error)));
  const address = addressOf(notice);
  if (notice.conversation_id) on.conversation(notice.conversation_id);
  else if (address) window.open(address, "_blank", "noopener,noreferrer");
}
