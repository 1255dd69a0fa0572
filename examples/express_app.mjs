// A host app in Express: it signs people in, and shows their messages in a frame.

import { createPrivateKey, createPublicKey, randomBytes, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import express from "express";

const CHAT = process.env.CHAT_URL; // the origin of LinkUp
const KEY = createPrivateKey(readFileSync(process.env.HOST_KEY_FILE));
const PUBLIC = createPublicKey(KEY).export({ format: "jwk" });
const PAGE = readFileSync(new URL("page.html", import.meta.url), "utf8").replaceAll("{{CHAT}}", CHAT);

const app = express();
const sessions = new Map(); // of this process; a real app has a database

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function tokenOf(user) {
  const name = user[0].toUpperCase() + user.slice(1);
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: user, name, aud: "linkup", iat: now, exp: now + 300 };
  const content = `${encoded({ alg: "ES256", typ: "JWT", kid: "host-1" })}.${encoded(claims)}`;
  const signature = sign("sha256", Buffer.from(content), { key: KEY, dsaEncoding: "ieee-p1363" });
  return `${content}.${signature.toString("base64url")}`;
}

app.get("/jwks.json", (request, response) => {
  response.json({ keys: [{ ...PUBLIC, kid: "host-1", alg: "ES256", use: "sig" }] });
});

app.post("/linkup/token", (request, response) => {
  response.set({ "Access-Control-Allow-Origin": CHAT, "Access-Control-Allow-Credentials": "true" });
  const session = /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
  if (!sessions.has(session)) return response.status(401).json({ sign_in_url: "/" });
  response.json({ token: tokenOf(sessions.get(session)) });
});

app.get("/sign-in/:user", (request, response) => { // a real app asks for a password
  const session = randomBytes(24).toString("base64url");
  sessions.set(session, request.params.user);
  response.cookie("session", session, { httpOnly: true, sameSite: "lax" }).redirect("/");
});

app.get("/", (request, response) => response.type("html").send(PAGE));

const server = app.listen(process.env.PORT ?? 9000, "127.0.0.1", () => {
  console.log(`Express running on http://127.0.0.1:${server.address().port}`);
});
