// Owns the page's composition: who is signed in, what is on the screen, and the address of it.

import { LinkupClient } from "./linkup-client.js";
import { addressed } from "./page/address.js";
import { Again } from "./page/again.js";
import { BlockList } from "./page/blocklist.js";
import { Blocks } from "./page/blocks.js";
import { excerpt } from "./page/bubble.js";
import { Chats } from "./page/chats.js";
import { Conversation } from "./page/conversation.js";
import { avatar, h, icon } from "./page/dom.js";
import { Demo } from "./page/entry/demo.js";
import { closedView, waitingView } from "./page/entry/door.js";
import { hostApp } from "./page/entry/hostapp.js";
import { Hosted } from "./page/entry/hosted.js";
import { waysIn } from "./page/entry/ways.js";
import { explain } from "./page/explain.js";
import { GroupView } from "./page/groupview.js";
import { Inbox } from "./page/inbox.js";
import { Indicator } from "./page/indicator.js";
import { Keeping } from "./page/keeping.js";
import { chatPath } from "./page/line.js";
import { MessageView } from "./page/messageview.js";
import { isolated, plainName } from "./page/names.js";
import { newGroup } from "./page/newgroup.js";
import { attention } from "./page/notifications/attention.js";
import { messageOccasions } from "./page/notifications/messages.js";
import { mountNotifications } from "./page/notifications/mount.js";
import { Presence } from "./page/presence.js";
import { keepSubscription, pushState, subscribe, unsubscribe } from "./page/push.js";
import { openReport } from "./page/report.js";
import { keepTime, watchDays } from "./page/time.js";
import { Toasts } from "./page/toasts.js";

const RETRY_INBOX_MS = 4_000;
const SIGN_OUT_MS = 5_000; // for the server to end push messages and the token
const root = document.getElementById("app");

/** Lets the user in: by the host app if one is named, else by the demo if it is on. */
function enter() {
  const ways = waysIn();
  const app = hostApp(ways);
  if (!app && !ways.demo) return root.replaceChildren(closedView());
  const onEnter = (session) => showChats(session, way);
  const way = app ? new Hosted({ app, root, onEnter }) : new Demo({ root, onEnter });
  way.enter();
}

/** @param {import("./page/entry/session.js").Session} session @param {Demo|Hosted} way */
function showChats(session, way) {
  const leave = async (why = "") => {
    client.stop();
    root.replaceChildren(waitingView("Signing you out…"));
    await Promise.race([signOut(client), pause(SIGN_OUT_MS)]);
    way.leave(why);
  };
  const getToken = way.tokensOf(session, () => leave());
  const client = new LinkupClient({ userId: session.user_id, getToken });
  const again = new Again({ client });
  keepTime(() => client.now());
  watchDays();
  const chats = new Chats({ client, again });
  const presence = new Presence({ client, chats });
  const toasts = new Toasts();
  const indicator = new Indicator({ client, onSignIn: leave });
  const group = (chat) => new GroupView({ chats, client, again, chat });
  const refused = (text) => toasts.say(text);
  const blocks = new Blocks({ chats, client, again, onRefused: refused });
  const report = (chat, message) => reportOn({ client, toasts, chat, message });
  const keeping = new Keeping({ chats, client, blocks, on: { refused, group, report } });
  const menu = (chat, at) => keeping.menu(chat, at);
  const bell = h("span", { class: "bell-place" });
  const blocked = () => new BlockList({ client, again, blocks });
  const inbox = new Inbox({
    chats,
    client,
    again,
    presence,
    header: header(session, client, indicator, { bell, blocked, leave: way.signsOut ? leave : null }),
    on: { open: (key, messageId) => go(key, messageId), menu, group: () => makeGroup() },
  });
  const about = (chat, message) => new MessageView({ chats, client, again, chat, message });
  const on = { back: () => go(null), menu, group, about, report };
  const conversation = new Conversation({ chats, client, again, presence, toasts, blocks, on });
  const shell = h("div", { class: "shell" }, inbox.element, conversation.element);
  root.replaceChildren(indicator.banner, shell, toasts.element);

  function makeGroup() {
    const made = (key) => inbox.clear() ?? go(key);
    newGroup({ chats, client, again, onMade: made });
  }

  function go(key, messageId) {
    const path = key === null ? "/" : chatPath(key);
    if (location.pathname !== path) history.pushState({ key }, "", path);
    show(key);
    if (messageId) conversation.goTo(messageId);
  }

  function show(key) {
    const before = conversation.key;
    shell.dataset.pane = key === null ? "inbox" : "chat";
    if (key === null) conversation.hide();
    else if (key !== before) conversation.show(key);
    inbox.select(key);
    if (key === null && before !== null) inbox.focus(before);
  }

  /** Of a link that has only the id of a conversation, the address becomes its own. */
  function arrive(state) {
    const { key, conversationId } = addressed();
    show(state?.key ?? key);
    if (conversationId === null) return;
    const nowhere = () => go(null) ?? refused("This conversation does not exist");
    chats.of(conversationId).then((chat) => {
      history.replaceState({ key: chat.key }, "", chatPath(chat.key));
      show(chat.key);
    }, nowhere);
  }

  addEventListener("popstate", ({ state }) => arrive(state));
  chats.addEventListener("left", ({ detail }) => {
    toasts.say(`You are no longer in ${isolated(detail.title)}`);
    if (detail.key === conversation.key) go(null);
  });
  tell({ client, chats, toasts, conversation });
  notify({ root: bell, client, again, chats, conversation, go, refused });
  client.addEventListener("resync", () => loadUntilDone(() => chats.resync(), inbox, leave));
  arrive();
  begin({ client, chats, inbox, leave });
}

/** As far as the server can be reached. */
async function signOut(client) {
  await unsubscribe(client).catch(() => {});
  await client.api.logout().catch(() => {});
}

/** A message, or without one the other side. */
function reportOn({ client, toasts, chat, message }) {
  const onDone = () => toasts.say("Thank you. Your report will be reviewed.");
  const [title, text, about] = message
    ? ["Report this message", excerpt(message), { message_id: message.message_id }]
    : [`Report ${isolated(chat.title)}`, "", { user_id: chat.peer.user_id }];
  openReport({ title, text, about, client, onDone });
}

/** Shows in a corner what went wrong. */
function tell({ client, chats, toasts, conversation }) {
  client.addEventListener("fault", ({ detail }) => {
    const isOurs = detail.temporary || detail.code === "unauthorized"; // the client gets a new token, or fails
    if (!isOurs) toasts.say(explain(detail));
  });
  chats.hopes.addEventListener("refused", ({ detail }) => toasts.say(explain(detail)));
  client.addEventListener("failed", ({ detail }) => {
    const chat = chats.addressed(detail);
    if (chat.key === conversation.key) return;
    toasts.say(`A message to ${isolated(chat.title)} was not sent: ${explain(detail.failed)}`);
  });
}

/** Shows the bell, desktop notifications, and the number in the title. */
function notify({ root, client, again, chats, conversation, go, refused }) {
  const opened = (id) => chats.of(id).then((chat) => go(chat.key), (error) => refused(explain(error)));
  const message = (preferences) => messageOccasions({ chats, preferences, open: (key) => go(key) });
  const on = { conversation: opened, watched: () => conversation.conversationId, refused, message };
  const push = { state: () => pushState(client), subscribe: () => subscribe(client), unsubscribe: () => unsubscribe(client) };
  const feed = mountNotifications({ root, client, again, push, on });
  keepSubscription(client);
  const count = () => chats.unread + feed.unreadOutside;
  attention({ title: "LinkUp", count, sources: [chats, feed] });
}

async function begin({ client, chats, inbox, leave }) {
  await chats.restore();
  const position = await loadUntilDone(() => chats.load(), inbox, leave);
  if (position) client.start(position);
}

/** The inbox has to be there before the feed can go on from it: tries until it is, or nobody is in. */
async function loadUntilDone(load, inbox, leave) {
  for (;;) {
    try {
      const position = await load();
      inbox.fail(null);
      return position;
    } catch (error) {
      if (error.status === 401) return leave(error.message);
      await new Promise((retry) => {
        inbox.fail({ message: error.message, retry });
        setTimeout(retry, Math.max(RETRY_INBOX_MS, error.retryAfterMs ?? 0));
      });
    }
  }
}

function header(session, client, indicator, { bell, blocked, leave }) {
  const button = (label, drawing, click) => {
    const properties = { type: "button", class: "round", "aria-label": label, title: label };
    return h("button", { ...properties, on: { click } }, icon(drawing));
  };
  let face = avatar(session);
  const name = h("bdi", {}, plainName(session.name));
  client.addEventListener("welcome", ({ detail }) => {
    name.replaceChildren(plainName(detail.name ?? session.user_id));
    const known = avatar(detail);
    face.replaceWith(known);
    face = known;
  });
  return h(
    "header",
    { class: "bar me" },
    face,
    h("div", { class: "names" }, h("h2", {}, h("bdi", {}, name)), indicator.element),
    bell,
    button("Block list", "gone", blocked),
    leave && button("Sign out", "leave", () => leave()),
  );
}

const pause = (ms) => new Promise((over) => setTimeout(over, ms));

enter();
