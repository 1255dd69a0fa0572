// Owns whom this client asks about: the server tells of nobody else, and forgets with the connection.

const AT_ONCE = 500;
const MOST = 1_000;

export class Presence {
  #send;
  #watched = new Set();

  /** @param {(frame: object) => boolean} send */
  constructor(send) {
    this.#send = send;
  }

  /** Watches exactly these from now on, at most a thousand. @param {Iterable<string>} userIds */
  watch(userIds) {
    const wanted = new Set([...userIds].slice(0, MOST));
    const gone = [...this.#watched].filter((user) => !wanted.has(user));
    const fresh = [...wanted].filter((user) => !this.#watched.has(user));
    this.#watched = wanted;
    this.#tell("presence_unsubscribe", gone); // first: they count
    this.#tell("presence_subscribe", fresh);
  }

  /** Asks again after a connection was made. */
  resume() {
    this.#tell("presence_subscribe", [...this.#watched]);
  }

  #tell(type, users) {
    for (let from = 0; from < users.length; from += AT_ONCE) {
      this.#send({ type, user_ids: users.slice(from, from + AT_ONCE) });
    }
  }
}
