// Owns the choice of the road: the WebSocket, and HTTP while there has been none for a moment.

import { Connection, sessionOver } from "./connection.js";
import { Polling } from "./polling.js";

/** @typedef {import("./connection.js").State} State */

const PATIENCE_MS = 3_000; // most sockets that were lost are back sooner
const WAITS = new Set(["connecting", "reconnecting", "offline"]);

/** The socket goes on trying while HTTP is used, and is used again as soon as it is welcomed. */
export class Roads {
  #socket;
  #polling;
  #onState;
  #patience = 0;

  /**
   * @param {{url: string, api: import("./api.js").Api,
   *          getToken: (asked: {renew: boolean}) => Promise<string>,
   *          position: () => {epoch?: string, cursor?: number},
   *          refuses: (welcome: any) => string|null,
   *          onFrame: (frame: any) => void, onState: () => void}} options
   *        `onFrame`: at a change of the road a frame of the feed may come twice
   */
  constructor({ url, api, getToken, position, refuses, onFrame, onState }) {
    this.#onState = onState;
    this.#socket = new Connection({
      url: `${url.replace(/^http/, "ws")}/ws`,
      getToken,
      position,
      refuses,
      onFrame,
      onState: () => this.#socketChanged(),
    });
    this.#polling = new Polling({
      api,
      position,
      onFrame,
      onChange: onState,
      onRefused: (reason) => this.fail(sessionOver(reason)),
    });
  }

  /** @returns {State} */
  get state() {
    return this.#polling.isOpen ? "connected" : this.#socket.state;
  }

  /** @returns {"socket"|"http"|null} null: not connected */
  get road() {
    if (this.#polling.isOpen) return "http";
    return this.#socket.state === "connected" ? "socket" : null;
  }

  get reason() {
    return this.#socket.reason;
  }

  get retryAt() {
    return this.#socket.retryAt;
  }

  get rttMs() {
    return (this.#polling.isOpen ? this.#polling : this.#socket).rttMs;
  }

  start() {
    this.#socket.start();
  }

  stop() {
    this.#socket.stop();
  }

  /** Ends it for good: only a person can help. @param {string} reason in words */
  fail(reason) {
    this.#socket.fail(reason);
  }

  retryNow() {
    this.#socket.retryNow();
    this.#polling.now();
  }

  /** @returns {boolean} whether the frame was handed to a road that is open */
  send(frame) {
    return this.#socket.send(frame) || this.#polling.send(frame);
  }

  #socketChanged() {
    if (WAITS.has(this.#socket.state)) this.#patience ||= setTimeout(() => this.#polling.start(), PATIENCE_MS);
    else this.#leaveHttp();
    if (!this.#polling.isOpen) this.#onState();
  }

  #leaveHttp() {
    clearTimeout(this.#patience);
    this.#patience = 0;
    this.#polling.stop();
  }
}
