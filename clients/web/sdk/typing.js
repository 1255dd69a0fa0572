// Owns who is typing: this user, told sparingly; the others, until they stop or fall silent.

const DEBOUNCE_MS = 100;
const IDLE_MS = 1_000;
const GAP_MS = 1_100; // what comes sooner the server drops
const AGAIN_MS = 2_000; // well before the others take silence for an end
const SILENT_MS = 5_000;

/** The typing of this user, in one conversation at a time, as with fingers. */
export class Typing {
  #send;
  #conversationId = null;
  #toldAt = 0; // of what is going on
  #last = { conversationId: "", at: 0 };
  #start = 0;
  #idle = 0;

  /** @param {(frame: object) => boolean} send what is not sent is not missed */
  constructor(send) {
    this.#send = send;
  }

  /** Takes in that the text changed. @param {string} conversationId */
  changed(conversationId) {
    if (conversationId !== this.#conversationId) this.#begin(conversationId);
    else if (this.#toldAt && Math.abs(Date.now() - this.#toldAt) >= AGAIN_MS) this.#tell(true);
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.stop(), IDLE_MS);
  }

  /** Takes in that the text was sent or given up, or is idle. */
  stop() {
    clearTimeout(this.#start);
    clearTimeout(this.#idle);
    if (this.#toldAt) this.#tell(false);
    this.#conversationId = null;
    this.#toldAt = 0;
  }

  #begin(conversationId) {
    this.stop();
    this.#conversationId = conversationId;
    const { conversationId: before, at } = this.#last;
    const gap = before === conversationId ? at + GAP_MS - Date.now() : 0;
    const wait = Math.min(Math.max(DEBOUNCE_MS, gap), GAP_MS); // a clock may have been set back
    this.#start = setTimeout(() => this.#tell(true), wait);
  }

  #tell(is_typing) {
    this.#toldAt = Date.now();
    this.#last = { conversationId: this.#conversationId, at: this.#toldAt };
    this.#send({ type: "typing", conversation_id: this.#conversationId, is_typing });
  }
}

/** The typing of the others. An end that the server did not tell is told here. */
export class Typists {
  #onEnd;
  #known = new Map(); // conversation and user → {frame, timer}

  /** @param {(frame: object) => void} onEnd */
  constructor(onEnd) {
    this.#onEnd = onEnd;
  }

  /** Takes in a `typing` frame. */
  take(frame) {
    const key = keyOf(frame);
    clearTimeout(this.#known.get(key)?.timer);
    this.#known.delete(key);
    if (!frame.is_typing) return;
    this.#known.set(key, { frame, timer: setTimeout(() => this.#end(key), SILENT_MS) });
  }

  /** Takes in that who has said something types no more. */
  spoke({ conversation_id, sender_id }) {
    this.#end(keyOf({ conversation_id, user_id: sender_id }));
  }

  clear() {
    for (const key of [...this.#known.keys()]) this.#end(key);
  }

  #end(key) {
    const known = this.#known.get(key);
    if (!known) return;
    clearTimeout(known.timer);
    this.#known.delete(key);
    this.#onEnd({ ...known.frame, is_typing: false });
  }
}

const keyOf = ({ conversation_id, user_id }) => `${conversation_id} ${user_id}`;
