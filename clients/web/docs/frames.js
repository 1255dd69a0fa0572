// Owns how the WebSocket is shown: its routes, the frames of both sides, errors and close codes.

import { h } from "../page/dom.js";
import { fieldsOf, nameOf, prose, table } from "./schema.js";

export function frameSections(socket) {
  const { messages, schemas } = socket.components;
  const side = (name, title) => ({
    id: `frames-${name}`,
    title,
    items: Object.entries(messages)
      .filter(([key]) => key.startsWith(`${name}.`))
      .map(([key, message]) => frame(key, message, schemas[nameOf(message.payload.$ref)])),
  });
  return [
    sockets(socket),
    side("client", "Frames of a client"),
    side("server", "Frames of the server"),
    codes(socket),
  ];
}

function sockets(socket) {
  const items = Object.entries(socket.channels).map(([name, channel]) => {
    const id = `socket-${name}`;
    const title = h("h3", { class: "route" }, h("span", { class: "verb get" }, "WS"), h("code", {}, channel.address));
    return { id, label: channel.address, element: h("article", { id }, title, prose(channel.summary)) };
  });
  return { id: "sockets", title: "WebSocket", items };
}

function frame(key, message, schema) {
  const id = `frame-${key}`;
  const element = h(
    "article",
    { id },
    h("h3", {}, h("code", {}, message.name)),
    schema.description && prose(schema.description),
    fieldsOf(schema),
  );
  return { id, label: message.name, element };
}

function codes(socket) {
  const errors = Object.entries(socket["x-linkup-errors"]).map(([code, { temporary, status }]) =>
    cells(code, temporary ? "resend the same command" : "change the command", String(status)),
  );
  const closes = Object.entries(socket["x-linkup-close-codes"]).map(([code, name]) =>
    cells(code, name.replaceAll("_", " ")),
  );
  return {
    id: "codes",
    title: "Codes",
    items: [
      article("errors", "Errors", table(["code", "what to do", "over HTTP"], errors)),
      article("closes", "Close codes", table(["code", "meaning"], closes)),
    ],
  };
}

function article(id, label, content) {
  return { id, label, element: h("article", { id }, h("h3", {}, label), content) };
}

function cells(code, ...others) {
  return h("tr", {}, h("td", {}, h("code", {}, code)), ...others.map((text) => h("td", {}, text)));
}
