// Loaded by Node before configurable-http-proxy (5.3), which has no setting for any of this: what a
// stranger may send and hold open. Needless once it answers what it cannot decode with 400, and lets
// its servers be given limits.
//
// An address without an answer: the proxy decodes the path of each request, and what cannot be decoded
// becomes a 500 with a trace in the log, or no answer at all at the API. Connections: until a request
// has come whole, each one costs descriptors and is nobody's yet. One address (of IPv6: 2^64, which one
// customer has) may have so many of these; for the next one the oldest ends.
"use strict";

const http = require("node:http");
const https = require("node:https");
const net = require("node:net");

const MOST_UNFINISHED = 256;
const HEADER_MS = 30_000;
const STALLED_MS = 60_000;
const CLOSING_MS = 5_000;
const most = Number(process.env.JUPYTERHUB_PLATFORM_PROXY_CONNECTIONS) || 65_536;

const SAID = "The address of this request cannot be read: it is no UTF-8 with percent signs. Correct it.\n";

function isReadable(url) {
  if (!url.startsWith("/") && !/^https?:\/\//i.test(url)) {
    return url === "*";
  }
  try {
    decodeURIComponent(new URL(url, "http://proxy.invalid").pathname);
    return true;
  } catch {
    return false;
  }
}

function refuse(response) {
  if (response instanceof http.ServerResponse) {
    response.writeHead(400, {
      "Content-Type": "text/plain; charset=UTF-8",
      "Content-Length": Buffer.byteLength(SAID),
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      Connection: "close",
    });
    response.end(SAID);
    return;
  }
  const length = Buffer.byteLength(SAID);
  response.on("error", () => {});
  response.end(
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=UTF-8\r\n" +
      `Content-Length: ${length}\r\nConnection: close\r\n\r\n${SAID}`
  );
}

function customerOf(address) {
  const plain = (address || "").replace(/^::ffff:(?=\d+\.)/, "");
  if (!plain.includes(":")) {
    return plain;
  }
  const [before, after] = plain.split("::");
  const groups = before.split(":").filter(Boolean);
  if (after !== undefined) {
    const behind = after.split(":").filter(Boolean);
    while (groups.length + behind.length < 8) groups.push("0");
  }
  return groups.slice(0, 4).join(":");
}

function limit(server) {
  const unfinished = new Map();

  // Behind TLS a request knows another socket than the one that was accepted, at the same port.
  function wait(socket, customer, port) {
    if (!unfinished.has(customer)) unfinished.set(customer, new Map());
    const own = unfinished.get(customer);
    own.set(port, socket);
    if (own.size > MOST_UNFINISHED) {
      const [[oldestPort, oldest]] = own;
      forget(customer, oldestPort);
      oldest.destroy();
    }
  }

  function forget(customer, port) {
    const own = unfinished.get(customer);
    if (own?.delete(port) && own.size === 0) unfinished.delete(customer);
  }

  server.maxConnections = most;
  server.headersTimeout = HEADER_MS;
  server.on("connection", (socket) => {
    // At a Unix socket, all are of this machine's own Hub.
    if (!socket.remoteAddress) return;
    const [customer, port] = [customerOf(socket.remoteAddress), socket.remotePort];
    wait(socket, customer, port);
    socket.once("close", () => forget(customer, port));
  });
  server.prependListener("request", ({ socket }, response) => {
    if (!socket.remoteAddress) return;
    const [customer, port] = [customerOf(socket.remoteAddress), socket.remotePort];
    response.req.once("end", () => forget(customer, port));
    response.once("close", () => {
      if (!socket.destroyed) wait(socket, customer, port);
    });
  });
  server.prependListener("upgrade", ({ socket }) => {
    forget(customerOf(socket.remoteAddress), socket.remotePort);
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
    if ((event === "request" || event === "upgrade") && !isReadable(request.url)) {
      refuse(response);
      return true;
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
