// Loaded by Node before configurable-http-proxy: gives each request an answer, whatever the server
// behind it sends, and while no server is known yet.
//
// Invalid answers: the proxy copies what a server answers. What Node reads but does not write (a status
// below 200, say) throws where nothing catches it, and what breaks off, or stops being HTTP, within a
// body ends nowhere: the client waits for ever. Before the answer has begun, it becomes a 502; after
// that, the client's connection is cut, so that no client takes a part for the whole.
// Start: until the Hub has said where it is, the proxy answers 404 to everything.
//
// Upstream: configurable-http-proxy 5.3
// Issue: not reported
// Ends when: the proxy ends requests whose answer is invalid, and answers 503 while it has no routes.
"use strict";

const http = require("node:http");
const https = require("node:https");
const { refuse } = require("./proxy_requests.js");

const INVALID =
  "The answer of this server is not valid HTTP. Its log may say which of its programs gave it.\n";
const STARTING = "The Hub is starting. Try again in a few seconds.\n";
const RETRY_SECONDS = 3;

// A symbol survives the proxy's copy of the headers, and Node does not send it.
const ASKED = Symbol("the answer to this request");

let hasRoutes = process.argv.some((word) => /^--(default-target|storage-backend)\b/.test(word));

function learnRoutes(request, response) {
  if (request.method !== "POST") return;
  response.once("finish", () => {
    if (response.statusCode === 201) hasRoutes = true;
  });
}

// A response, or behind an upgrade the socket that one is written to.
function isPassable({ statusCode, statusMessage, headers }) {
  try {
    if (statusCode < 200 || statusCode > 999) return false;
    http.validateHeaderValue("Reason", statusMessage || "");
    for (const [name, value] of Object.entries(headers)) {
      http.validateHeaderName(name);
      for (const each of [value].flat()) http.validateHeaderValue(name, each);
    }
    return true;
  } catch {
    return false;
  }
}

function answerInvalid(response) {
  if (response.destroyed || response.writableFinished) return;
  for (const name of response.getHeaderNames?.() ?? []) response.removeHeader(name);
  response.statusMessage = undefined;
  refuse(response, 502, INVALID);
}

function watch(outgoing, response) {
  const emit = outgoing.emit;
  // The proxy answers if no server does: refused connections, and those that end before an answer.
  let isAnswered = false;
  let isPassedOn = false;

  function end() {
    isAnswered = true;
    // Behind an upgrade, the head is written at once; otherwise with the first part of the body.
    if (isPassedOn && response.headersSent !== false) response.destroy();
    else answerInvalid(response);
  }

  outgoing.emit = function (event, ...rest) {
    if (event === "response" && !isPassable(rest[0])) {
      end();
      outgoing.destroy();
      return true;
    }
    if (event === "response") {
      isAnswered = isPassedOn = true;
      const [answer] = rest;
      answer.once("close", () => {
        if (!answer.complete) end();
      });
    }
    if (event === "error" && (isPassedOn || /^HPE_/.test(rest[0]?.code))) {
      end();
      return true;
    }
    if (event === "error" || event === "upgrade") isAnswered = true;
    // A change of protocol that was not asked for ends the request without any of these.
    if (event === "close" && !isAnswered) end();
    return emit.call(this, event, ...rest);
  };
}

for (const module of [http, https]) {
  const request = module.request;
  module.request = function (options, ...rest) {
    const outgoing = request.call(this, options, ...rest);
    const response = options?.headers?.[ASKED];
    if (response) watch(outgoing, response);
    return outgoing;
  };
}

for (const { prototype } of [http.Server, https.Server]) {
  const emit = prototype.emit;
  prototype.emit = function (event, request, response, ...rest) {
    if (event === "request" || event === "upgrade") {
      const isForProxy = /^\/(api\/routes|metrics$|_chp_healthz$)/.test(request.url);
      if (isForProxy) learnRoutes(request, response);
      else if (!hasRoutes) {
        refuse(response, 503, STARTING, { "Retry-After": RETRY_SECONDS });
        return true;
      }
      request.headers[ASKED] = response;
    }
    return emit.call(this, event, request, response, ...rest);
  };
}
