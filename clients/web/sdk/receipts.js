// Owns what this device says about others' messages: cumulative, at most once a second each.

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

  /** @param {(frame: object) => boolean} send */
  constructor(send) {
    this.#send = send;
  }

  /** This device holds everything of the conversation up to `seq`. */
  delivered(conversationId, seq) {
    const mark = this.#mark(conversationId);
    if (seq <= mark.delivered) return;
    mark.delivered = seq;
    this.#plan(conversationId, mark);
  }

  /** A person has seen everything of the conversation up to `seq`. */
  read(conversationId, seq) {
    const mark = this.#mark(conversationId);
    if (seq <= mark.read) return;
    mark.read = seq;
    mark.delivered = Math.max(mark.delivered, seq);
    this.#plan(conversationId, mark);
  }

  /** The server's word on this user's own marks. */
  confirm(conversationId, deliveredSeq, readSeq) {
    const mark = this.#mark(conversationId);
    mark.confirmedDelivered = Math.max(mark.confirmedDelivered, deliveredSeq);
    mark.confirmedRead = Math.max(mark.confirmedRead, readSeq);
    mark.delivered = Math.max(mark.delivered, deliveredSeq);
    mark.read = Math.max(mark.read, readSeq);
    mark.repeats = 0;
  }

  /** After a connection was made: says again what was never confirmed. */
  resume() {
    for (const [conversationId, mark] of this.#marks) {
      mark.forgetTold();
      mark.repeats = 0;
      if (!mark.confirmed) this.#plan(conversationId, mark);
    }
  }

  stop() {
    for (const mark of this.#marks.values()) clearTimeout(mark.timer);
    this.#marks.clear();
  }

  #plan(conversationId, mark) {
    clearTimeout(mark.timer);
    const wait = mark.toldAt + GAP_MS - Date.now();
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
    let said = true;
    if (read > mark.toldRead) {
      said = this.#send({ type: "mark_chat_read", conversation_id: conversationId, up_to: read });
      if (said) mark.toldRead = read;
    }
    if (said && mark.delivered > Math.max(mark.toldDelivered, read)) {
      said = this.#send({
        type: "delivered",
        conversation_id: conversationId,
        seq: mark.delivered,
      });
      if (said) mark.toldDelivered = mark.delivered;
    }
    return said;
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
