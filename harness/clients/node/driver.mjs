// A driver of the harness for Node's HTTP clients: `driver.mjs MODULES fetch|agent [--insecure]`,
// with the folder that the dependencies are installed in.
//
// One client with its pool, a JSON object a line in and out: harness/src/clients/driver.rs has the
// protocol. Neither tries anything twice or uses a proxy of the environment.

import http from "node:http";
import https from "node:https";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [modules, name, ...options] = process.argv.slice(2);
const insecure = options.includes("--insecure");

/** undici's fetch, which Node's own is made of, with a pool of its own. */
function fetching() {
  const undici = createRequire(`${modules}/`)("undici");
  const { version } = createRequire(`${modules}/`)("undici/package.json");
  // Of its own it keeps an idle connection for 4 s: here it is the server's word that counts.
  const dispatcher = new undici.Agent({
    keepAliveTimeout: 60_000,
    connect: { rejectUnauthorized: !insecure },
  });
  return {
    version: `undici ${version} on Node ${process.versions.node}`,
    async fetch({ method, url, headers, body, timeout_millis }) {
      const signal = AbortSignal.timeout(timeout_millis);
      const redirect = "manual";
      const init = { method, headers, body, dispatcher, signal, redirect };
      const response = await undici.fetch(url, init);
      const { byteLength } = await response.arrayBuffer();
      return { status: response.status, body_bytes: byteLength };
    },
  };
}

/** `http.request` with an `http.Agent` that keeps connections. */
function agent() {
  const agents = {};
  for (const [protocol, module] of [["http:", http], ["https:", https]]) {
    // The agent obeys a server's timeout where that is less than its own, and without one of its
    // own it has nothing to compare.
    const keeping = { keepAlive: true, timeout: 60_000, rejectUnauthorized: !insecure };
    agents[protocol] = { module, agent: new module.Agent(keeping) };
  }
  return {
    version: `http.Agent of Node ${process.versions.node}`,
    fetch({ method, url, headers, body, timeout_millis }) {
      const { module, agent } = agents[new URL(url).protocol];
      const signal = AbortSignal.timeout(timeout_millis);
      return new Promise((resolve, reject) => {
        const init = { method, headers: Object.fromEntries(headers), agent, signal };
        const request = module.request(url, init, (response) => {
          let bytes = 0;
          response.on("data", (chunk) => (bytes += chunk.length));
          response.on("end", () => resolve({ status: response.statusCode, body_bytes: bytes }));
          response.on("error", reject);
        });
        request.on("error", reject);
        // With the body at hand its length is declared, not chunked.
        request.end(body ?? undefined);
      });
    },
  };
}

/** Whether it was given up, rather than cut: each client has an error of its own around that. */
function isTimeout(error) {
  for (let inner = error; inner; inner = inner.cause) {
    if (inner.name === "TimeoutError") return true;
  }
  return false;
}

async function answer(client, line) {
  const start = performance.now();
  try {
    const fetched = await client.fetch(JSON.parse(line));
    return { ...fetched, millis: Math.round(performance.now() - start) };
  } catch (error) {
    const cause = error.cause ? `: ${error.cause}` : "";
    return { error: `${error}${cause}`, timeout: isTimeout(error) };
  }
}

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const client = { fetch: fetching, agent }[name]();
say({ ready: client.version });
for await (const line of createInterface({ input: process.stdin })) {
  say(await answer(client, line));
}
// A connection that is kept would keep this process as well.
process.exit(0);
