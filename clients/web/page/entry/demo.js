// Owns signing in to the demo: everybody picks a name, for this tab alone.

import { login, LinkupError } from "../../linkup-client.js";
import { loginView } from "./login.js";
import { endSession, loadSession, saveSession } from "./session.js";

/** @typedef {import("./session.js").Session} Session */

export class Demo {
  signsOut = true;
  #root;
  #onEnter;

  /** @param {{root: HTMLElement, onEnter: (session: Session) => void}} options */
  constructor({ root, onEnter }) {
    this.#root = root;
    this.#onEnter = onEnter;
  }

  enter() {
    const session = loadSession();
    if (session) return this.#onEnter(session);
    const onSignedIn = (fresh) => this.#onEnter(saveSession(fresh) ?? fresh);
    this.#root.replaceChildren(loginView({ onSignedIn }));
  }

  /** A refused token is replaced by signing in again. @param {Session} session */
  tokensOf(session) {
    let renewal = null;
    const renew = async () => {
      const { user_id, name } = session;
      const fresh = await login(location.origin, { user_id, name }).catch(over);
      session.token = fresh.token;
      saveSession(session);
    };
    return async ({ renew: refused }) => {
      if (refused) {
        renewal ??= renew().finally(() => (renewal = null));
        await renewal;
      }
      return session.token;
    };
  }

  leave() {
    endSession();
    location.replace("/"); // the shortest way to forget everything
  }
}

function over(error) {
  if (error.temporary) throw error;
  const message = "You could not be signed in again";
  throw new LinkupError({ code: "unauthorized", message, temporary: false, status: 401 });
}
