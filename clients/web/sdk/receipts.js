// Owns what this device says about others' messages: cumulative, at most once a second each.

import { newClientId } from "./ids.js";

const GAP_MS = 1_000;
const UNCONFIRMED_MS = 5_000;
const MAX_REPEATS = 5;

class Mark {
  delivered = 0;
  read = 0;
  toldDelivered = 0;
  toldRead = 0;
  confirmedDelivered = 0;
  confirmedRead = 0;
  toldAt = 0;
  repeats = 0;
  timer = 0;

  get confirmed() {
    return this.confirmedRead >= this.read && this.confirmedDelivered >= this.delivered;
  }

  forgetTold() {
    this.toldDelivered = this.confirmedDelivered;
    this.toldRead = this.confirmedRead;
  }
}

export class Receipts {
  #send;
  /** @type {Map<string, Mark>} */
  #marks = new Map();
  #asked = new Map(); // client_id → what that frame says

  /** @param {(frame: object) => boolean} send */
  constructor(send) {
    this.#send = send;
  }

  /** Tells that this device holds everything of the conversation up to `seq`. */
  delivered(conversationId, seq) {
    const mark = this.#mark(conversationId);
    if (seq <= mark.delivered) return;
    mark.delivered = seq;
    this.#plan(conversationId, mark);
  }

  /** Tells that a person has seen everything of the conversation up to `seq`. */
  read(conversationId, seq) {
    const mark = this.#mark(conversationId);
    if (seq <= mark.read) return;
    mark.read = seq;
    mark.delivered = Math.max(mark.delivered, seq);
    this.#plan(conversationId, mark);
  }

  /** Takes in the server's word on this user's own marks. */
  confirm(conversationId, deliveredSeq, readSeq) {
    const mark = this.#mark(conversationId);
    mark.confirmedDelivered = Math.max(mark.confirmedDelivered, deliveredSeq);
    mark.confirmedRead = Math.max(mark.confirmedRead, readSeq);
    mark.delivered = Math.max(mark.delivered, deliveredSeq);
    mark.read = Math.max(mark.read, readSeq);
    mark.repeats = 0;
  }

  /** Takes in an `ack`, perhaps of one of these. */
  acked({ client_id }) {
    const said = this.#asked.get(client_id);
    if (this.#asked.delete(client_id)) this.confirm(said.conversationId, said.delivered, said.read);
  }

  /**
   * Takes in an `error` frame. What will never be taken is not said again, the rest in its time.
   * @returns {boolean} whether it was about one of these
   */
  refused({ client_id, temporary }) {
    if (!this.#asked.has(client_id)) return false;
    if (temporary) this.#asked.delete(client_id);
    else this.acked({ client_id });
    return true;
  }

  /** Says again what was never confirmed, after a connection was made. */
  resume() {
    this.#asked.clear();
    for (const [conversationId, mark] of this.#marks) {
      mark.forgetTold();
      mark.repeats = 0;
      if (!mark.confirmed) this.#plan(conversationId, mark);
    }
  }

  stop() {
    for (const mark of this.#marks.values()) clearTimeout(mark.timer);
    this.#marks.clear();
    this.#asked.clear();
  }

  #plan(conversationId, mark) {
    clearTimeout(mark.timer);
    const wait = Math.min(mark.toldAt + GAP_MS - Date.now(), GAP_MS); // a clock may have been set back
    if (wait <= 0) this.#tell(conversationId, mark);
    else mark.timer = setTimeout(() => this.#tell(conversationId, mark), wait);
  }

  #tell(conversationId, mark) {
    if (!this.#say(conversationId, mark)) return; // `resume` comes with the next connection
    mark.toldAt = Date.now();
    mark.timer = setTimeout(() => this.#repeat(conversationId, mark), UNCONFIRMED_MS);
  }

  #say(conversationId, mark) {
    const read = Math.max(mark.read, mark.confirmedRead);
    const said = read <= mark.toldRead || this.#sayRead(conversationId, read);
    if (!said) return false;
    mark.toldRead = Math.max(mark.toldRead, read);
    const { delivered } = mark;
    if (delivered <= Math.max(mark.toldDelivered, read)) return true;
    if (!this.#sayDelivered(conversationId, delivered)) return false;
    mark.toldDelivered = delivered;
    return true;
  }

  #sayRead(conversationId, read) {
    const frame = { type: "mark_chat_read", conversation_id: conversationId, up_to: read };
    return this.#ask(frame, { conversationId, delivered: read, read });
  }

  #sayDelivered(conversationId, delivered) {
    const frame = { type: "delivered", conversation_id: conversationId, seq: delivered };
    return this.#ask(frame, { conversationId, delivered, read: 0 });
  }

  #ask(frame, said) {
    const client_id = newClientId();
    if (!this.#send({ ...frame, client_id })) return false;
    this.#asked.set(client_id, said);
    return true;
  }

  #repeat(conversationId, mark) {
    if (mark.confirmed || mark.repeats >= MAX_REPEATS) return;
    mark.repeats += 1;
    mark.forgetTold();
    this.#tell(conversationId, mark);
  }

  #mark(conversationId) {
    if (!this.#marks.has(conversationId)) this.#marks.set(conversationId, new Mark());
    return this.#marks.get(conversationId);
  }
}
