// Owns desktop notifications and their tone: when they appear, in which tab, and where they lead.

const SHOWN_MS = 5_000;
const GATHER_MS = 300; // of a burst in one conversation only the last is shown
const HELD_MS = 10_000; // longer than the tabs of a browser differ
const FRESH_MS = 60_000; // what is replayed after a pause is no news

/**
 * @typedef {{id: string, tag: string, title: string, body: string, urgent?: boolean,
 *            conversationId?: string, open: () => void}} Occasion
 *          `tag`: an occasion replaces an earlier one with the same
 */

export class Desktop {
  #client;
  #device;
  #tone;
  #on;
  #waiting = new Map(); // tag → the last occasion

  /**
   * @param {{client: any, device: import("./device.js").Device, tone: import("./tone.js").Tone,
   *          signal?: AbortSignal, on: {open: (notice: any) => void, watched: () => string|null,
   *          message: (message: any) => Promise<Occasion|null>}}} options
   *        `watched`: the id of the conversation on the screen; `message`: null if it is not told
   */
  constructor({ client, device, tone, signal, on }) {
    this.#client = client;
    this.#device = device;
    this.#tone = tone;
    this.#on = on;
    client.addEventListener("notification", ({ detail }) => this.tell(this.#occasion(detail)), { signal });
    client.addEventListener("message", ({ detail }) => this.#message(detail), { signal });
  }

  /** @param {Occasion} occasion */
  tell(occasion) {
    if (!this.#device.showsDesktop && !this.#device.plays) return;
    const isFirst = !this.#waiting.has(occasion.tag);
    this.#waiting.set(occasion.tag, occasion);
    if (isFirst) setTimeout(() => this.#due(occasion.tag), this.#isSeen(occasion) ? 0 : GATHER_MS);
  }

  /** @param {Occasion} occasion */
  show({ title, body, tag, urgent = false, open }) {
    const how = { body, tag, renotify: true, requireInteraction: urgent, icon: "/static/icon.svg" };
    const shown = new Notification(title, how);
    shown.onclick = () => {
      shown.close();
      focus();
      open();
    };
    if (!urgent) setTimeout(() => shown.close(), SHOWN_MS);
  }

  #occasion(notice) {
    const { notification_id: id, title, body, priority, conversation_id: conversationId } = notice;
    const about = { id, tag: `linkup:${conversationId || id}`, title, body, conversationId };
    return { ...about, urgent: priority === "urgent", open: () => this.#on.open(notice) };
  }

  async #message(message) {
    const isOwn = message.sender_id === this.#client.userId;
    const isOld = this.#client.now() - Date.parse(message.created_at) > FRESH_MS;
    if (isOwn || isOld || message.deleted_at) return;
    const occasion = (this.#device.showsDesktop || this.#device.plays) && (await this.#on.message(message));
    if (occasion) this.tell(occasion);
  }

  /** The tab in which it is seen claims it first, so that no other one shows it. */
  async #due(tag) {
    const occasion = this.#waiting.get(tag);
    this.#waiting.delete(tag);
    const isSeen = this.#isSeen(occasion);
    if (!(await this.#claim(occasion.id)) || isSeen) return;
    if (this.#device.plays) this.#tone.play();
    if (this.#device.showsDesktop) this.show(occasion);
  }

  /** Returns whether a person looks at this page, and at that conversation if it is about one. */
  #isSeen({ conversationId }) {
    const isAway = document.hidden || !document.hasFocus();
    return !isAway && (!conversationId || this.#on.watched() === conversationId);
  }

  /** Returns whether this tab is the first to claim it. Without locks (not on https) the tag has to do. */
  #claim(id) {
    const { locks } = navigator;
    if (!locks) return true;
    const name = `linkup-notification:${this.#client.userId}:${id}`;
    return new Promise((resolve) => {
      const held = locks.request(name, { ifAvailable: true }, (lock) => {
        resolve(Boolean(lock));
        return lock && new Promise((release) => setTimeout(release, HELD_MS));
      });
      held.catch(() => resolve(false)); // the page is being left
    });
  }
}
