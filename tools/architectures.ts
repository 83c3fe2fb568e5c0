// The architectures that steady is built for: one row of a table each. Whatever differs between them is here, in the
// folder of that name under native/ (where a process begins, how a system call is made) and in native/arch.h.

import { isThere, run, ToolError } from "./run.ts";

export interface Architecture {
  readonly name: string;
  /** The first word of what a compiler answers to -dumpmachine. */
  readonly machine: RegExp;
  /** Debian's cross compiler, and the packages that bring it and the headers that it needs. */
  readonly compiler: string;
  readonly packages: readonly string[];
  /** Of the compiler, beyond those that all have. */
  readonly flags: readonly string[];
  readonly gccFlags?: readonly string[];
  readonly libraries?: readonly string[];
  /** The largest page that a kernel of this architecture may have: segments lie that far apart. */
  readonly pageBytesMax: number;
  /** e_machine of elf(5), and the bits of an address. */
  readonly elfMachine: number;
  readonly bits: 32 | 64;
  /** How Debian's qemu-user-static calls it. */
  readonly emulator: string;
}

/** No register of the floating point unit is touched: the kernel need not save any for PID 1. */
const NO_FLOAT = "-mgeneral-regs-only";
/** Without a word of this, compilers of some distributions mark every function for what nobody will check. */
const NO_MARKS = "-fcf-protection=none";
const KIB = 1024;

export const ARCHITECTURES: readonly Architecture[] = [
  {
    name: "x86-64",
    machine: /^x86_64-/,
    compiler: "x86_64-linux-gnu-gcc",
    packages: ["gcc-x86-64-linux-gnu", "libc6-dev-amd64-cross"],
    flags: [NO_FLOAT, NO_MARKS],
    gccFlags: [
      // Nothing here needs 16: no register is as wide.
      "-mpreferred-stack-boundary=3",
      // And no table begins where a line of the cache does.
      "-malign-data=abi",
      // Each by trial, for fewer bytes: loops run seldom and short, and what is read again is read again.
      ..."-fno-tree-loop-optimize -fno-move-loop-invariants -fno-tree-tail-merge -fweb".split(" "),
      "--param=logical-op-non-short-circuit=0",
    ],
    pageBytesMax: 4 * KIB,
    elfMachine: 62,
    bits: 64,
    emulator: "qemu-x86_64-static",
  },
  {
    name: "arm64",
    machine: /^aarch64-/,
    compiler: "aarch64-linux-gnu-gcc",
    packages: ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
    // Signed return addresses and marked targets of jumps: the kernel turns both on by itself where the processor has them.
    flags: [NO_FLOAT, "-mbranch-protection=standard"],
    pageBytesMax: 64 * KIB,
    elfMachine: 183,
    bits: 64,
    emulator: "qemu-aarch64-static",
  },
  {
    name: "armv7",
    machine: /^arm.*-linux-.*eabihf$/,
    compiler: "arm-linux-gnueabihf-gcc",
    packages: ["gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross"],
    // No instruction divides before ARMv7VE: libgcc, which comes with gcc, has the functions.
    flags: ["-march=armv7-a+fp", "-mthumb"],
    libraries: ["-lgcc"],
    pageBytesMax: 64 * KIB,
    elfMachine: 40,
    bits: 32,
    emulator: "qemu-arm-static",
  },
  {
    name: "i386",
    machine: /^i[3-6]86-/,
    compiler: "i686-linux-gnu-gcc",
    packages: ["gcc-i686-linux-gnu", "libc6-dev-i386-cross"],
    flags: ["-march=i686", NO_FLOAT, NO_MARKS],
    pageBytesMax: 4 * KIB,
    elfMachine: 3,
    bits: 32,
    emulator: "qemu-i386-static",
  },
  {
    name: "riscv64",
    machine: /^riscv64-/,
    compiler: "riscv64-linux-gnu-gcc",
    packages: ["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"],
    // With any other tuning a load of four bytes becomes a call of memcpy, in case their address were odd.
    flags: ["-march=rv64gc", "-mtune=size"],
    pageBytesMax: 4 * KIB,
    elfMachine: 243,
    bits: 64,
    emulator: "qemu-riscv64-static",
  },
  {
    name: "ppc64le",
    machine: /^powerpc64le-/,
    compiler: "powerpc64le-linux-gnu-gcc",
    packages: ["gcc-powerpc64le-linux-gnu", "libc6-dev-ppc64el-cross"],
    flags: ["-msoft-float", "-mno-vsx", "-mno-altivec"],
    // By trial, for four kilobytes: addresses that are known are not computed anew where they are used.
    gccFlags: ["-fno-forward-propagate", "-fno-optimize-sibling-calls"],
    pageBytesMax: 64 * KIB,
    elfMachine: 21,
    bits: 64,
    emulator: "qemu-ppc64le-static",
  },
];

const NAMES = ARCHITECTURES.map(({ name }) => name).join(", ");

/** What a compiler makes programs for. */
export function architectureOf(compiler: string): Architecture {
  const machine = run(compiler, ["-dumpmachine"]).stdout.trim();
  const found = ARCHITECTURES.find((each) => each.machine.test(machine));
  if (found !== undefined) return found;
  throw new ToolError(
    `${compiler} makes programs for ${machine}, and steady is for ${NAMES}: set CC to a compiler for one of these`,
  );
}

/** What `--arch LIST` of a command says, as it was written; undefined where it is not there. */
export function architecturesIn(args: readonly string[], command: string): string | undefined {
  const [option, list, ...rest] = args;
  if (option === undefined) return undefined;
  if (option !== "--arch" || list === undefined || rest.length > 0)
    throw new ToolError(`usage: npm run ${command} -- --arch all, or names with commas between`);
  return list;
}

/** The architectures of a list of names with commas between, or all of them for "all". */
export function architecturesNamed(list: string): readonly Architecture[] {
  if (list === "all") return ARCHITECTURES;
  return list.split(",").map((name) => {
    const found = ARCHITECTURES.find((each) => each.name === name);
    if (found === undefined)
      throw new ToolError(`steady is not built for ${name || "nothing"}, but for ${NAMES}`);
    return found;
  });
}

/** The compiler for each: the machine's own where it fits, else Debian's. All that are missing are named at once. */
export function compilersFor(
  wanted: readonly Architecture[],
  own: string,
): readonly { architecture: Architecture; compiler: string }[] {
  const native = architectureOf(own);
  const pairs = wanted.map((architecture) => ({
    architecture,
    compiler: architecture === native ? own : architecture.compiler,
  }));
  const missing = pairs.filter(({ compiler }) => compiler !== own && !isThere(compiler));
  if (missing.length === 0) return pairs;
  const lines = missing.map(
    ({ architecture, compiler }) =>
      `  ${architecture.name}: ${compiler}, which Debian has in ${architecture.packages[0]}`,
  );
  const packages = missing.flatMap(({ architecture }) => architecture.packages);
  throw new ToolError(
    `compilers are missing:\n${lines.join("\n")}\ninstall them (apt-get install ${packages.join(" ")}), or leave these out`,
  );
}
