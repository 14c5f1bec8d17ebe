// Loaded by Node before configurable-http-proxy: in place of listening at the public port, it takes
// the inherited socket. Every other call of listen is unchanged.
//
// Upstream: configurable-http-proxy 5.3
// Issue: not reported
// Ends when: the proxy listens at a descriptor that it is given.
"use strict";

const net = require("node:net");

const fd = Number(process.env.JUPYTERHUB_PLATFORM_PROXY_SOCKET);
const port = Number(process.env.JUPYTERHUB_PLATFORM_PROXY_PORT);
const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (where, ...rest) {
  if (fd && Number(where) === port) {
    return listen.call(this, { fd });
  }
  return listen.call(this, where, ...rest);
};
