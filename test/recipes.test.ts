// docs/recipes.md as far as no engine is needed: each of its blocks is one that a test runs, and the manifests for Kubernetes
// are what Kubernetes' published OpenAPI document says, by the validators and the types that are generated from it. The engines:
// test/all/recipes.test.ts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { ROOT } from "../tools/build.ts";
import { freshFolder } from "./lib/build.ts";
import { blocksOf, document, recipe } from "./lib/recipes.ts";

/** Blocks that no test runs; the document says at its end what was not run, and why. */
const NOT_RUN: readonly string[] = [];
const TESTS = ["test/recipes.test.ts", "test/all/recipes.test.ts", "test/all/engines.test.ts"];

test("every block of the recipes is one that a test runs, or is known not to be", () => {
  const sources = TESTS.map((path) => readFileSync(join(ROOT, path), "utf8")).join("\n");
  const run = [...sources.matchAll(/\brecipe\("([\w.-]+)"\)/g)].map(([, name = ""]) => name);
  assert.deepEqual([...new Set([...run, ...NOT_RUN])].sort(), [...blocksOf(document()).keys()].sort());
  assert.deepEqual(
    NOT_RUN.filter((name) => run.includes(name)),
    [],
  );
});

test("a block without a name is found, and so are two with the same", () => {
  assert.deepEqual([...blocksOf("a\n<!-- b.c -->\n```sh\nd\n```\n")], [["b.c", "d\n"]]);
  assert.throws(() => blocksOf("a\n\n```sh\nd\n```\n"), /has no name/);
  const twice = "<!-- b -->\n```sh\nd\n```\n";
  assert.throws(() => blocksOf(twice + twice), /called b/);
});

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Both sides of the published schema: words, numbers and quantities by its validator, names of fields by its types. */
async function errorsIn(manifest: Manifest): Promise<string[]> {
  const module = `kubernetes-models/${manifest.apiVersion}/${manifest.kind}`;
  return [...(await invalidIn(manifest, module)), ...mistypedIn(manifest, module)];
}

/** What the schema refuses. It lets unknown fields pass, as a cluster does that drops them. */
async function invalidIn(manifest: Manifest, module: string): Promise<string[]> {
  const models = (await import(module)) as Record<string, new (data: Manifest) => { validate(): void }>;
  const Model = models[manifest.kind];
  assert.ok(Model !== undefined, `${module} has no ${manifest.kind}`);
  try {
    new Model(manifest).validate();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

/** What the compiler says of it as a value of its type. */
function mistypedIn(manifest: Manifest, module: string): string[] {
  const folder = freshFolder("manifests");
  const source = `import type { I${manifest.kind} } from "${module}";
export const manifest: I${manifest.kind} = ${JSON.stringify(manifest, null, 2)};
`;
  writeFileSync(join(folder, "manifest.ts"), source);
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    module: "esnext",
    moduleResolution: "bundler",
    types: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["manifest.ts"] }));
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  const { stdout, status } = spawnSync(tsc, ["-p", folder, "--pretty", "false"], { encoding: "utf8" });
  const errors = stdout.split("\n").filter((line) => line.includes("error TS"));
  assert.equal(status === 0, errors.length === 0, stdout);
  return errors;
}

test("the manifests are what Kubernetes publishes of its API", async () => {
  for (const text of [recipe("pod.yaml"), recipe("deployment.yaml")])
    assert.deepEqual(await errorsIn(parse(text) as Manifest), []);
});

const WRONG: readonly (readonly [string, string, string | RegExp, string, RegExp])[] = [
  ["a field that is unknown", "deployment.yaml", "readOnly:", "readonly:", /'"?readonly"?' does not exist/],
  ["a number as text", "deployment.yaml", "replicas: 2", 'replicas: "2"', /spec\/replicas must be integer/],
  ["half a copy", "deployment.yaml", "replicas: 2", "replicas: 1.5", /spec\/replicas must be integer/],
  ["more than 32 bits", "deployment.yaml", "replicas: 2", "replicas: 1e12", /must match format "int32"/],
  [
    "a field too few",
    "deployment.yaml",
    /^ *mountPath: .*\n/m,
    "",
    /must have required property '?mountPath/,
  ],
  ["a word for a list", "deployment.yaml", /command: .*/, "command: /steady", /command must be array/],
  [
    "a word that is none",
    "pod.yaml",
    "RuntimeDefault",
    "Default",
    /type must be equal to one of the allowed/,
  ],
  ["a size that is none", "pod.yaml", "1Mi", "1 MiB", /sizeLimit must match format "quantity"/],
];

for (const [what, name, before, after, words] of WRONG) {
  test(`a manifest with ${what} is found out`, async () => {
    const text = recipe(name);
    const changed = text.replace(before, after);
    assert.notEqual(changed, text);
    assert.match((await errorsIn(parse(changed) as Manifest)).join("\n"), words);
  });
}

test("what the manifests mount is what steady is copied to", () => {
  interface Container {
    readonly command: readonly string[];
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  }
  interface Spec {
    readonly volumes: readonly { readonly name: string }[];
    readonly initContainers: readonly Container[];
    readonly containers: readonly Container[];
  }
  const pod = parse(recipe("pod.yaml")) as { spec: Spec };
  const deployment = parse(recipe("deployment.yaml")) as { spec: { template: { spec: Spec } } };
  for (const { volumes, initContainers, containers } of [pod.spec, deployment.spec.template.spec]) {
    const [from, to] = [initContainers[0], containers[0]];
    const [volume] = volumes;
    for (const container of [from, to]) assert.equal(container?.volumeMounts[0]?.name, volume?.name);
    assert.deepEqual(from?.command, ["/steady", "--install", from?.volumeMounts[0]?.mountPath]);
    assert.equal(to?.command[0], `${to?.volumeMounts[0]?.mountPath}/steady`);
  }
});
