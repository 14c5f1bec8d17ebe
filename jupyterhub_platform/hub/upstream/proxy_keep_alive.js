// Loaded by Node before configurable-http-proxy: keeps connections to Unix sockets alive, as it does
// for ports. Otherwise it requests that each be closed, and a server that has read a body and answered
// closes it before Node has ended its request, which then fails with EPIPE: the client gets 503.
"use strict";

const http = require("node:http");

const kept = new http.Agent({ keepAlive: true });
const request = http.request;

http.request = function (options, ...rest) {
  if (options?.socketPath && !options.agent && options.headers?.connection === "close") {
    delete options.headers.connection;
    options.agent = kept;
  }
  return request.call(this, options, ...rest);
};
