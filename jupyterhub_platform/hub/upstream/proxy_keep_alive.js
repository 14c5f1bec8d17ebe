// Loaded by Node before configurable-http-proxy: the proxy itself ends each connection to a Unix
// socket, after the answer. Otherwise it requests that the server close it, and a server that has read
// a body and answered closes before Node has ended its request, which then fails with EPIPE: the
// client gets 503.
// No connection is used twice: a server that closes an idle one at the moment at which the next
// request is sent would cost that request, and a body cannot be sent again.
//
// Upstream: configurable-http-proxy 5.3
// Issue: jupyterhub/configurable-http-proxy#592 (added such sockets), nodejs/node#55952 (EPIPE)
// Ends when: the proxy does not request of Unix sockets that they close the connection.
"use strict";

const http = require("node:http");

const agent = new http.Agent({ keepAlive: true });
agent.maxFreeSockets = 0;
const request = http.request;

http.request = function (options, ...rest) {
  if (options?.socketPath && !options.agent && options.headers?.connection === "close") {
    delete options.headers.connection;
    options.agent = agent;
  }
  return request.call(this, options, ...rest);
};
