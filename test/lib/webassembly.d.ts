// What the tests use of WebAssembly's JavaScript API. TypeScript knows it as part of the browser only, whose thousand
// other names do not exist here.

declare namespace WebAssembly {
  function validate(bytes: Uint8Array): boolean;
  class Module {
    constructor(bytes: Uint8Array);
    static imports(module: Module): { module: string; name: string; kind: string }[];
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, ModuleImports>);
    readonly exports: Record<string, unknown>;
  }
  class RuntimeError extends Error {}
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  interface Global {
    readonly value: number | bigint;
  }
  type ModuleImports = Record<string, (...args: (number | bigint)[]) => number | bigint>;
}
