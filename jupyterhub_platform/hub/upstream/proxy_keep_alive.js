// Loaded by Node before configurable-http-proxy: keeps connections to Unix sockets alive, as it does
// for ports. Otherwise it requests that each be closed, and a server that has read a body and answered
// closes it before Node has ended its request, which then fails with EPIPE: the client gets 503.
//
// Upstream: configurable-http-proxy 5.3
// Issue: jupyterhub/configurable-http-proxy#592 (added such sockets), nodejs/node#55952 (EPIPE)
// Ends when: the proxy keeps connections to Unix sockets alive.
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
