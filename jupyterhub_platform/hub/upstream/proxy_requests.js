// Loaded by Node before configurable-http-proxy: limits what strangers may send and hold open, which it
// has no settings for.
//
// Undecodable paths: the proxy decodes the path of each request; a path that it cannot decode becomes
// a 500 with a traceback in the log, or gets no answer at all at the API. Connections: until a request
// is complete, its connection costs descriptors and has no owner. One address (of IPv6: the 2^64 of one
// customer; of this machine, all that lead to it) may have a limited number of these; the next one ends
// the oldest. A complete request waits for as long as the user's server lets it: a limited number of
// requests to one user's servers is held open, and further ones are refused.
//
// Upstream: configurable-http-proxy 5.3
// Issue: not reported
// Ends when: the proxy answers undecodable paths with 400, and its servers have limits.
"use strict";

const http = require("node:http");
const https = require("node:https");
const net = require("node:net");

const MAX_UNFINISHED = 256;
const HEADER_MS = 30_000;
const STALLED_MS = 60_000;
const CLOSING_MS = 5_000;
const most = Number(process.env.JUPYTERHUB_PLATFORM_PROXY_CONNECTIONS) || 65_536;
const mostOfUser = Math.max(8, Math.floor(most / 4));

const SAID = "The address of this request cannot be read: it is not valid percent-encoded UTF-8. Correct it.\n";

const FULL =
  "As many connections to the servers of this user are open as one user may have. Close some of them.\n";

// The path as the proxy decodes it to find the route; null if it cannot.
function readPath(url) {
  if (!url.startsWith("/") && !/^https?:\/\//i.test(url)) {
    return url === "*" ? url : null;
  }
  try {
    return decodeURIComponent(new URL(url, "http://proxy.invalid").pathname);
  } catch {
    return null;
  }
}

const ofUsers = new Map();

// The Hub tells the proxy of users' routes below /api/; a start's progress below /hub/api/ takes long.
function findUser(path) {
  return path.startsWith("/api/") ? undefined : /\/users?\/([^/]+)/.exec(path)?.[1];
}

function isFull(user) {
  return user !== undefined && (ofUsers.get(user) || 0) >= mostOfUser;
}

function hold(user, ending) {
  if (user === undefined || ending.destroyed) return;
  ofUsers.set(user, (ofUsers.get(user) || 0) + 1);
  ending.once("close", () => {
    const left = ofUsers.get(user) - 1;
    if (left > 0) ofUsers.set(user, left);
    else ofUsers.delete(user);
  });
}

function refuse(response, status, said, more = {}) {
  const length = Buffer.byteLength(said);
  if (response instanceof http.ServerResponse) {
    response.writeHead(status, {
      ...more,
      "Content-Type": "text/plain; charset=UTF-8",
      "Content-Length": length,
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      Connection: "close",
    });
    response.end(said);
    return;
  }
  const lines = Object.entries(more).map(([name, value]) => `${name}: ${value}\r\n`);
  response.on("error", () => {});
  response.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nContent-Type: text/plain; charset=UTF-8\r\n` +
      `${lines.join("")}Content-Length: ${length}\r\nConnection: close\r\n\r\n${said}`
  );
}

function customerOf(address) {
  const plain = (address || "").replace(/^::ffff:(?=\d+\.)/, "");
  if (!plain.includes(":")) {
    // Processes of this machine have 2^24 of these.
    return plain.startsWith("127.") ? "127.0.0.1" : plain;
  }
  const [before, after] = plain.split("::");
  const groups = before.split(":").filter(Boolean);
  if (after !== undefined) {
    const behind = after.split(":").filter(Boolean);
    while (groups.length + behind.length < 8) groups.push("0");
  }
  return groups.slice(0, 4).join(":");
}

// The addresses of one customer may all have the same port.
function nameEnd({ remoteAddress, remotePort }) {
  return [customerOf(remoteAddress), `${remoteAddress} ${remotePort}`];
}

function limit(server) {
  const unfinished = new Map();

  // Behind TLS a request has another socket than the accepted one, with the same peer.
  function wait(socket, customer, end) {
    if (!unfinished.has(customer)) unfinished.set(customer, new Map());
    const own = unfinished.get(customer);
    own.set(end, socket);
    if (own.size > MAX_UNFINISHED) {
      const [[oldestEnd, oldest]] = own;
      forget(customer, oldestEnd);
      oldest.destroy();
    }
  }

  function forget(customer, end) {
    const own = unfinished.get(customer);
    if (own?.delete(end) && own.size === 0) unfinished.delete(customer);
  }

  server.maxConnections = most;
  server.headersTimeout = HEADER_MS;
  server.on("connection", (socket) => {
    // At a Unix socket, every client is this machine's own Hub.
    if (!socket.remoteAddress) return;
    const [customer, end] = nameEnd(socket);
    wait(socket, customer, end);
    socket.once("close", () => forget(customer, end));
  });
  server.prependListener("request", ({ socket }, response) => {
    if (!socket.remoteAddress) return;
    const [customer, end] = nameEnd(socket);
    response.req.once("end", () => forget(customer, end));
    response.once("close", () => {
      if (!socket.destroyed) wait(socket, customer, end);
    });
  });
  server.prependListener("upgrade", ({ socket }) => {
    forget(...nameEnd(socket));
    // After a server has refused and ended its side, a client could keep the other one open for ever.
    socket.once("finish", () => setTimeout(() => socket.destroy(), CLOSING_MS).unref());
  });
  // A client that does not read an answer keeps both sides open; waiting for one is allowed.
  server.setTimeout(STALLED_MS, (socket) => {
    if (socket.writableLength > 0) socket.destroy();
  });
}

for (const { prototype } of [http.Server, https.Server]) {
  const emit = prototype.emit;
  prototype.emit = function (event, request, response, ...rest) {
    if (event === "request" || event === "upgrade") {
      const path = readPath(request.url);
      if (path === null) {
        refuse(response, 400, SAID);
        return true;
      }
      const user = findUser(path);
      if (isFull(user)) {
        refuse(response, 503, FULL);
        return true;
      }
      // Until a request is complete it has no owner, whatever it asks for.
      if (event === "upgrade") hold(user, response);
      else request.once("end", () => hold(user, response));
    }
    return emit.call(this, event, request, response, ...rest);
  };
}

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...where) {
  if (this instanceof http.Server || this instanceof https.Server) {
    limit(this);
  }
  return listen.apply(this, where);
};

module.exports = { refuse };
