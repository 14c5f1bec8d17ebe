// Loaded by Node before configurable-http-proxy: where that would listen at the public port, it takes
// the socket that is there already. Everything else listens as it was asked to.
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
