// The visitor: a process of its own that asks the program for things over its ports, from inside of its network
// namespace. `ask URL` ends with 0 where there is an answer (`speaks URL`: of any status); `load URL CONNECTIONS` asks without a pause until its
// standard input ends, and tells each request; `hold HOST:PORT...` opens connections and says nothing on them. The rule: it
// judges nothing; times are those of the machine's monotonic clock, which the lab shares.

import { Agent, type ClientRequest, get } from "node:http";
import { get as getSecure } from "node:https";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const ASK_MS_MAX = 5_000;
const REFUSED_PAUSE_MS = 20;

/** One request, as it went. Times in milliseconds of the monotonic clock. */
export interface Visit {
  readonly kind: "visit";
  readonly sentMs: number;
  readonly doneMs: number;
  /** 0 where there was no answer. */
  readonly status: number;
  readonly error?: string;
  /** Whether the request went out on a connection that the server had accepted. */
  readonly connected: boolean;
  /** A request whose first half was sent early, and the rest after it was told to. */
  readonly slow?: true;
}

export type Told =
  | Visit
  /** The client on the slow line has sent its first half, or could not. */
  | { readonly kind: "begun" }
  | { readonly kind: "held"; readonly count: number };

function tell(told: Told): void {
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

function clockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Below which status an answer counts: for readiness no failure of the server's, for speaking HTTP any. */
async function ask(url: string, statusMax: number): Promise<number> {
  const { status } = await request(url, new Agent());
  return status > 0 && status < statusMax ? 0 : 1;
}

function request(url: string, agent: Agent): Promise<Visit> {
  return new Promise((resolve) => {
    const sentMs = clockMs();
    let connected = false;
    const done = (status: number, error?: NodeJS.ErrnoException) =>
      resolve({
        kind: "visit",
        sentMs,
        doneMs: clockMs(),
        status,
        connected,
        ...(error === undefined ? {} : { error: error.code ?? error.message }),
      });
    const secure = url.startsWith("https:");
    const sent: ClientRequest = secure
      ? getSecure(url, { rejectUnauthorized: false, timeout: ASK_MS_MAX })
      : get(url, { agent, timeout: ASK_MS_MAX });
    sent.on("socket", (socket) => {
      if (socket.connecting) socket.once("connect", () => (connected = true));
      else connected = true;
    });
    sent.on("response", (response) => {
      response.on("end", () => done(response.statusCode ?? 0)).on("error", (error) => done(0, error));
      response.resume();
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${ASK_MS_MAX} ms`)));
    sent.on("error", (error) => done(0, error));
  });
}

async function load(url: string, connections: number): Promise<number> {
  let going = true;
  process.stdin.on("data", () => undefined).on("end", () => (going = false));
  const worker = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (going) {
      const visit = await request(url, agent);
      tell(visit);
      if (visit.error !== undefined) await sleep(REFUSED_PAUSE_MS);
    }
    agent.destroy();
  };
  await Promise.all([...Array.from({ length: connections }, worker), slow(url)]);
  return 0;
}

/** A client on a slow line: half of its request is there, the rest follows when the lab says "rest". */
function slow(url: string): Promise<void> {
  const { hostname, port, pathname, search, protocol } = new URL(url);
  if (protocol !== "http:") {
    tell({ kind: "begun" });
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    let [sentMs, answer, told, connected] = [clockMs(), "", false, false];
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80) }, () => {
      connected = true;
      sentMs = clockMs();
      socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\n`, () =>
        tell({ kind: "begun" }),
      );
    });
    const done = (error?: string) => {
      if (told) return;
      told = true;
      const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(answer)?.[1] ?? 0);
      const failure = status > 0 ? {} : { error: error ?? "the connection was closed without an answer" };
      tell({ kind: "visit", sentMs, doneMs: clockMs(), status, connected, slow: true, ...failure });
      if (!connected) tell({ kind: "begun" });
      socket.destroy();
      resolve();
    };
    process.stdin.on("data", () => socket.write("Connection: close\r\n\r\n"));
    process.stdin.on("end", () => done("no answer in time"));
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
      if (/^HTTP\/1\.\d \d{3}[^\n]*\r\n(.*\r\n)*\r\n/.test(answer)) done();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    socket.on("close", () => done());
  });
}

/** Connections on which nothing is said, until standard input ends. */
async function hold(addresses: readonly string[]): Promise<number> {
  const sockets = await Promise.all(addresses.map(open));
  tell({ kind: "held", count: sockets.filter((socket) => socket !== undefined).length });
  await new Promise((resolve) => process.stdin.on("data", () => undefined).on("end", resolve));
  for (const socket of sockets) socket?.destroy();
  return 0;
}

function open(address: string): Promise<Socket | undefined> {
  const [host = "", port] = address.split(":");
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    socket.on("error", () => resolve(undefined)).on("connect", () => resolve(socket));
  });
}

const [what = "", first = "", ...rest] = process.argv.slice(2);
if (what === "ask") process.exitCode = await ask(first, 500);
else if (what === "speaks") process.exitCode = await ask(first, 1000);
else if (what === "load") process.exitCode = await load(first, Number(rest[0]));
else if (what === "hold") process.exitCode = await hold([first, ...rest]);
else throw new Error(`the visitor does not know ${what}`);
