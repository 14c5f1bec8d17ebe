// Real OpenID Connect providers on loopback, whose people and misdeeds a test chooses.
//
// Reads from its standard input one line of JSON for each command, and answers each with one. The first
// names the providers, each with its client. It ends when its input does.

import http from "node:http";
import readline from "node:readline";
import { createHmac, generateKeyPairSync, randomUUID } from "node:crypto";

import { CompactSign, exportJWK, importJWK, decodeJwt, decodeProtectedHeader } from "jose";
import { Provider } from "oidc-provider";

const CLAIMS = [
  "sub", "name", "preferred_username", "email", "email_verified", "groups", "roles", "realm_access", "department",
];

function makeKey(kid) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return exportJWK(privateKey).then((jwk) => ({ ...jwk, kid, alg: "RS256", use: "sig" }));
}

class Running {
  constructor(options) {
    this.options = options;
    this.people = {};
    this.misdeeds = {};
    this.asked = {};
  }

  async start() {
    this.keys = [await makeKey("first")];
    this.server = http.createServer((request, response) => this.answer(request, response));
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    // Login.gov's issuer ends with a slash, and its addresses are below it without another one.
    const slash = this.options.slash ? "/" : "";
    this.issuer = `http://127.0.0.1:${this.server.address().port}${this.options.path ?? ""}${slash}`;
    this.redirects = { redirect_uris: ["http://127.0.0.1/nowhere"], post_logout_redirect_uris: [] };
    this.make();
    return { issuer: this.issuer };
  }

  // Made anew whenever its keys or its client change; codes and tokens are kept outside of it.
  make() {
    const { client, ...options } = this.options;
    this.provider = new Provider(this.issuer, {
      clients: [{ grant_types: ["authorization_code", "refresh_token"], ...client, ...this.redirects }],
      jwks: { keys: this.keys },
      cookies: { keys: ["of a provider in tests"] },
      claims: { openid: CLAIMS },
      scopes: ["openid", "profile", "email", "offline_access"],
      clientAuthMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
      conformIdTokenClaims: options.conform ?? true,
      pkce: { required: () => true },
      features: { devInteractions: { enabled: false } },
      ttl: {
        AccessToken: () => options.access_seconds ?? 3600, AuthorizationCode: 60, IdToken: 3600, Interaction: 600,
        Session: 3600, Grant: 3600, RefreshToken: 3600,
      },
      issueRefreshToken: () => options.refresh ?? true,
      rotateRefreshToken: true,
      findAccount: (_, sub) => this.find(sub),
      loadExistingGrant: (ctx) => this.grant(ctx),
      renderError: (ctx, out) => { ctx.type = "json"; ctx.body = out; },
      interactions: { url: (_, interaction) => `${this.options.path ?? ""}/interaction/${interaction.uid}` },
    });
    this.provider.use((ctx, next) => this.misbehave(ctx, next));
    this.handle = this.provider.callback();
  }

  find(sub) {
    const claims = this.people[sub];
    return claims && { accountId: sub, claims: async () => ({ sub, ...claims }) };
  }

  async grant(ctx) {
    const { client, session } = ctx.oidc;
    const known = session.grantIdFor(client.clientId);
    const grant = (known && (await this.provider.Grant.find(known))) ||
      new this.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid profile email offline_access");
    await grant.save();
    return grant;
  }

  async answer(request, response) {
    const path = new URL(request.url, this.issuer).pathname.slice((this.options.path ?? "").length);
    this.asked[path.replace(/\/interaction\/.*/, "/interaction")] =
      (this.asked[path.replace(/\/interaction\/.*/, "/interaction")] ?? 0) + 1;
    const { down, slow, redirect, body } = this.misdeeds;
    if (slow) await new Promise((resolve) => setTimeout(resolve, slow));
    if (down === "closed") return request.socket.destroy();
    if (down) return response.writeHead(down, { "Content-Type": "text/html" }).end("<h1>not now</h1>");
    if (redirect?.path === path) return response.writeHead(302, { Location: redirect.to }).end();
    if (body?.path === path) {
      return response.writeHead(200, { "Content-Type": "application/json" }).end(body.text ?? "x".repeat(body.size));
    }
    // As a framework says it that has mounted the provider below a path.
    request.originalUrl = request.url;
    request.url = request.url.slice((this.options.path ?? "").length);
    return path.startsWith("/interaction/") ? this.interact(request, response) : this.handle(request, response);
  }

  async interact(request, response) {
    if (request.method !== "POST") {
      response.writeHead(200, { "Content-Type": "text/html" });
      response.end('<!doctype html><html lang="en"><title>Provider</title><main><h1>Provider</h1><form method="post">' +
        '<label>Account <input name="login"></label><button>Go on</button></form></main></html>');
      return;
    }
    let form = "";
    for await (const part of request) form += part;
    const accountId = new URLSearchParams(form).get("login");
    const result = accountId === "nobody" ? { error: "access_denied", error_description: "secret-of-nobody" } :
      { login: { accountId } };
    await this.provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }

  // What goes wrong on purpose, in what the provider has answered rightly.
  async misbehave(ctx, next) {
    await next();
    const { id_token, callback, token, discovery, userinfo, userinfo_status } = this.misdeeds;
    if (ctx.path === "/.well-known/openid-configuration" && discovery) Object.assign(ctx.body, discovery);
    if (ctx.path === "/token" && ctx.body?.id_token && id_token) ctx.body.id_token = await this.forge(ctx.body.id_token, id_token);
    if (ctx.path === "/token" && ctx.body?.access_token && token) Object.assign(ctx.body, token);
    if (ctx.path === "/me" && userinfo) Object.assign(ctx.body, userinfo);
    if (ctx.path === "/me" && userinfo_status) { ctx.status = userinfo_status; ctx.body = { error: "no" }; }
    const location = ctx.response.get("Location");
    if (callback && location?.includes("code=")) {
      const changed = new URL(location);
      for (const [name, value] of Object.entries(callback)) {
        if (value === null) changed.searchParams.delete(name);
        else changed.searchParams.set(name, value);
      }
      ctx.set("Location", changed.href);
    }
  }

  async forge(token, how) {
    const claims = { ...decodeJwt(token), ...how.claims };
    for (const name of how.drop ?? []) delete claims[name];
    const header = { ...decodeProtectedHeader(token), ...how.header };
    const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
    const head = (alg) => `${encode({ ...header, alg })}.${encode(claims)}`;
    if (how.sign === "none") return `${head("none")}.`;
    if (how.sign === "hs256") {
      // Keyed with what everybody may read: the trick that an open list of algorithms falls for.
      const { n, e, kty } = this.keys[0];
      const pem = (await import("node:crypto")).createPublicKey({ key: { n, e, kty }, format: "jwk" }).export({ type: "spki", format: "pem" });
      return `${head("HS256")}.${createHmac("sha256", how.secret ?? pem).update(head("HS256")).digest("base64url")}`;
    }
    if (how.sign === "cut") return token.slice(0, -12) + "AAAAAAAAAAAA";
    const jwk = how.sign === "foreign" ? await makeKey(this.keys[0].kid) : this.keys[0];
    return new CompactSign(Buffer.from(JSON.stringify(claims))).setProtectedHeader(header).sign(await importJWK(jwk, header.alg));
  }
}

const COMMANDS = {
  people: (running, { people }) => { running.people = people; },
  misdeeds: (running, { misdeeds }) => { running.misdeeds = misdeeds; },
  redirects: (running, { redirects }) => { running.redirects = redirects; running.make(); },
  async rotate(running, { keep }) {
    running.keys = [await makeKey(randomUUID()), ...(keep ? running.keys : [])];
    running.make();
  },
  asked: (running) => { const { asked } = running; running.asked = {}; return { asked }; },
};

// What it answers is expected of it; its warnings are about this being no real deployment.
console.info = console.warn = () => {};
let all = {};
for await (const line of readline.createInterface({ input: process.stdin })) {
  const told = JSON.parse(line);
  let answer = {};
  if (told.start) {
    for (const [name, options] of Object.entries(told.start)) {
      all[name] = new Running(options);
      answer[name] = await all[name].start();
    }
  } else {
    answer = (await COMMANDS[told.command](all[told.provider], told)) ?? {};
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
