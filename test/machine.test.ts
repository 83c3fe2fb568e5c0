// How programs in wasm are played: the init runs through, its child in turns, and the two meet in every order.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { NullFile } from "../simulator/files.ts";
import { type Call, type Stage, Trap } from "../simulator/kernel.ts";
import { Linux, type Process } from "../simulator/linux.ts";
import { Machine } from "../simulator/machine.ts";
import { Random } from "../simulator/random.ts";
import { SignalSet } from "../simulator/signals.ts";

const ALL = new SignalSet(0xffffffff, 0xffffffff);
const machine = new Machine(
  new WebAssembly.Module(readFileSync(new URL("../dist/core.wasm", import.meta.url))),
);

interface Played {
  readonly status: number | null;
  readonly calls: readonly Call[];
  readonly init: Process;
  /** Who made the calls of one name, in order. */
  readonly who: (name: string) => string[];
}

/** A container whose program ends with 7. `fails` answers whether the call traps that this process is about to make. */
function play(seed: number, fails: (process: Process, name: string) => boolean = () => false): Played {
  const world = new Linux(new Random(seed));
  world.clone(world.host, { pidMax: 400 });
  const init = world.out.child as Process;
  for (const fd of [0, 1, 2]) init.files.place(fd, new NullFile());
  world.rt_sigprocmask(init, ALL);
  world.paths.set("/program", { kind: "program", start: () => (self) => world.exit(self, 7) });
  const calls: Call[] = [];
  const stage: Stage = {
    world,
    argv: ["steady", "/program"],
    environment: [],
    license: "",
    before: (process) => {
      if (process === init) while (world.random.once(2)) world.turn();
    },
    fault: (process, name) => {
      if (fails(process, name)) throw new Trap();
      return 0;
    },
    after: (call) => calls.push(call),
    trapped: () => {},
    waits: () => {},
    starved: () => assert.fail("the init waits for ever"),
  };
  const status = machine.run(stage, init, 0n);
  const who = (name: string): string[] =>
    calls.filter((call) => call.name === name).map(({ process }) => (process === init ? "init" : "child"));
  return { status, calls, init, who };
}

test("init and child meet in every order, and each of the child's calls is made once", () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const { status, calls, init, who } = play(seed);
    assert.equal(status, 7);
    orders.add(who("setpgid").join());
    const ofChild = calls.filter(({ process }) => process !== init).map(({ name }) => name);
    assert.deepEqual(ofChild, ["getpid", "setpgid", "rt_sigprocmask"], "and then it is another program");
  }
  assert.deepEqual([...orders].sort(), ["child,init", "init,child"]);
});

test("the same seed is the same order of calls", () => {
  const names = (): string[] => play(5).calls.map(({ name, process }) => `${process.pid} ${name}`);
  assert.deepEqual(names(), names());
});

test("an init that traps is begun again and keeps its program; a child that traps ends with 125", () => {
  let traps = 0;
  const { status, who } = play(3, (process, name) => process.pid === 1 && name === "chdir" && traps++ === 0);
  assert.deepEqual([status, who("clone"), who("chdir")], [7, ["init"], ["init"]]);
  assert.equal(play(3, (process, name) => process.pid !== 1 && name === "setpgid").status, 125);
});

test("a trap before there is a program ends the container with 120", () => {
  assert.equal(play(3, (_, name) => name === "clone").status, 120);
});
