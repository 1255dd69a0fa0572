// Owns the page's composition: who is signed in, what is on the screen, and the address of it.

import { LinkupClient, LinkupError, login } from "./linkup-client.js";
import { Chats } from "./page/chats.js";
import { Conversation } from "./page/conversation.js";
import { avatar, h, icon, once } from "./page/dom.js";
import { chatPath, Inbox } from "./page/inbox.js";
import { Indicator } from "./page/indicator.js";
import { loginView } from "./page/login.js";
import { endSession, loadSession, saveSession } from "./page/session.js";
import { Toasts } from "./page/toasts.js";

const RETRY_INBOX_MS = 4_000;
const root = document.getElementById("app");

function showLogin() {
  root.replaceChildren(loginView({ onSignedIn: (session) => showChats(saveSession(session)) }));
}

/** @param {import("./page/session.js").Session} session */
function showChats(session) {
  const client = new LinkupClient({ userId: session.user_id, getToken: tokens(session) });
  const leave = () => {
    client.stop();
    endSession();
    location.replace("/"); // the shortest way to forget everything
  };
  const chats = new Chats(client);
  const toasts = new Toasts();
  const indicator = new Indicator({ client, onSignIn: leave });
  const inbox = new Inbox({
    chats,
    header: header(session, indicator, leave),
    onOpen: (userId) => go(userId),
  });
  const conversation = new Conversation({ chats, client, toasts, onBack: () => go(null) });
  const shell = h("div", { class: "shell" }, inbox.element, conversation.element);
  root.replaceChildren(indicator.banner, shell, toasts.element);

  function go(userId) {
    const path = userId === null ? "/" : chatPath(userId);
    if (location.pathname !== path) history.pushState({ userId }, "", path);
    show(userId);
  }

  function show(userId) {
    const before = conversation.peerId;
    shell.dataset.pane = userId === null ? "inbox" : "chat";
    if (userId === null) conversation.hide();
    else if (userId !== before) conversation.show(userId);
    inbox.select(userId);
    if (userId === null && before !== null) inbox.focus(before);
  }

  const title = once(() => {
    document.title = chats.unread ? `(${Math.min(chats.unread, 99)}) LinkUp` : "LinkUp";
  });
  addEventListener("popstate", (event) => show(event.state?.userId ?? peerInAddress()));
  chats.addEventListener("change", title);
  client.addEventListener("fault", ({ detail }) => detail.temporary || toasts.say(detail.message));
  chats.hopes.addEventListener("refused", ({ detail }) => toasts.say(detail.message));
  client.addEventListener("failed", ({ detail }) => {
    if (detail.to !== conversation.peerId) {
      toasts.say(`A message to ${detail.to} was not sent: ${detail.failed.message}`);
    }
  });
  client.addEventListener("resync", () => loadUntilDone(() => chats.resync(), inbox, leave));
  show(peerInAddress());
  begin({ client, chats, inbox, leave });
}

async function begin({ client, chats, inbox, leave }) {
  await chats.restore();
  client.start(await loadUntilDone(() => chats.load(), inbox, leave));
}

/** The inbox has to be there before the feed can go on from it: tries until it is. */
async function loadUntilDone(load, inbox, leave) {
  for (;;) {
    try {
      const position = await load();
      inbox.fail(null);
      return position;
    } catch (error) {
      if (error.status === 401) leave();
      await new Promise((retry) => {
        inbox.fail({ message: error.message, retry });
        setTimeout(retry, RETRY_INBOX_MS);
      });
    }
  }
}

function header(session, indicator, leave) {
  const out = {
    type: "button",
    class: "round",
    "aria-label": "Sign out",
    title: "Sign out",
    on: { click: leave },
  };
  return h(
    "header",
    { class: "bar me" },
    avatar(session),
    h("div", { class: "names" }, h("h2", {}, h("bdi", {}, session.name)), indicator.element),
    h("button", out, icon("leave")),
  );
}

/** The token of this session; a refused one is replaced by signing in again. */
function tokens(session) {
  let renewal = null;
  const renew = async () => {
    try {
      const fresh = await login(location.origin, { user_id: session.user_id, name: session.name });
      session.token = saveSession(fresh).token;
    } catch (error) {
      if (error.temporary) throw error;
      const message = "Your session is over";
      throw new LinkupError({ code: "unauthorized", message, temporary: false, status: 401 });
    }
  };
  return async ({ renew: refused }) => {
    if (refused) {
      renewal ??= renew().finally(() => (renewal = null));
      await renewal;
    }
    return session.token;
  };
}

function peerInAddress() {
  const [, name] = location.pathname.match(/^\/chat\/([^/]+)\/?$/) ?? [];
  try {
    return name === undefined ? null : decodeURIComponent(name);
  } catch {
    return null; // a broken escape
  }
}

const session = loadSession();
if (session) showChats(session);
else showLogin();
