// Loaded by Node before configurable-http-proxy: what has been read at once of a chunked body is passed
// on at once.
//
// The proxy passes each chunk on by itself. A stranger who sends 600 kB in chunks of one byte makes it
// write a hundred thousand times, which holds every other request up for two seconds.
//
// Upstream: configurable-http-proxy 5.3
// Issue: not reported
// Ends when: a body in chunks of one byte costs the proxy about as much as one in large ones.
"use strict";

const { IncomingMessage } = require("node:http");

const WAITING = Symbol("parts that were read and not passed on");
const push = IncomingMessage.prototype.push;

function passOn(message) {
  const parts = message[WAITING];
  message[WAITING] = undefined;
  if (parts === undefined || message.destroyed) return;
  const part = parts.length === 1 ? parts[0] : Buffer.concat(parts);
  // As Node does itself where its own is full; reading on starts the socket again.
  if (!push.call(message, part)) message.socket?.pause();
}

IncomingMessage.prototype.push = function (part, ...rest) {
  if (part === null) {
    passOn(this);
    return push.call(this, part, ...rest);
  }
  if (this[WAITING] === undefined) {
    this[WAITING] = [part];
    // After the parser is through with what was read; ticks come after each chunk.
    setImmediate(passOn, this);
  } else {
    this[WAITING].push(part);
  }
  return true;
};
