// Loaded by Node before configurable-http-proxy (5.3), which has no setting for any of this: what a
// stranger may send and hold open. Needless once it answers what it cannot decode with 400, and lets
// its servers be given limits.
//
// An address without an answer: the proxy decodes the path of each request, and what cannot be decoded
// becomes a 500 with a trace in the log, or no answer at all at the API. Connections: until a request
// has come whole, each one costs descriptors and is nobody's yet. One address (of IPv6: 2^64, which one
// customer has; of this machine, all that lead to it) may have so many of these; for the next one the
// oldest ends. A request that has come whole waits for as long as the server of a user lets it: of one
// user's servers so many are held open, and further ones are refused.
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

const SAID = "The address of this request cannot be read: it is no UTF-8 with percent signs. Correct it.\n";

const FULL =
  "As many connections to the servers of this user are open as one user may have. Close some of them.\n";

// As the proxy reads it to find the route; null if it cannot.
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

// The Hub tells the proxy of users' routes below /api/; below /hub/api/ a start is followed for long.
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

function refuse(response, status, said) {
  if (response instanceof http.ServerResponse) {
    response.writeHead(status, {
      "Content-Type": "text/plain; charset=UTF-8",
      "Content-Length": Buffer.byteLength(said),
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      Connection: "close",
    });
    response.end(said);
    return;
  }
  const length = Buffer.byteLength(said);
  response.on("error", () => {});
  response.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nContent-Type: text/plain; charset=UTF-8\r\n` +
      `Content-Length: ${length}\r\nConnection: close\r\n\r\n${said}`
  );
}

function customerOf(address) {
  const plain = (address || "").replace(/^::ffff:(?=\d+\.)/, "");
  if (!plain.includes(":")) {
    // Who is on this machine has 2^24 of these.
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

  // Behind TLS a request knows another socket than the one that was accepted, with the same end.
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
    // At a Unix socket, all are of this machine's own Hub.
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
    // Where a server has refused and ended its side, a client could keep the other one for ever.
    socket.once("finish", () => setTimeout(() => socket.destroy(), CLOSING_MS).unref());
  });
  // Who reads nothing of an answer keeps it open on both sides; who waits for one may wait.
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
      // Until a request has come whole it is nobody's, whatever it asks for.
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
