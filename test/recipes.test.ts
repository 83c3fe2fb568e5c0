// docs/recipes.md as far as no engine is needed: each of its blocks is one that a test runs, and the manifests for Kubernetes
// are what Kubernetes' published OpenAPI document says, in the types that are generated from it. The engines:
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

/** What the compiler says of a manifest as a value of its type. */
function errorsIn(manifest: Manifest): string[] {
  const folder = freshFolder("manifests");
  const group = manifest.apiVersion.includes("/") ? manifest.apiVersion : `core/${manifest.apiVersion}`;
  const source = `import type { ${manifest.kind} } from "kubernetes-types/${group}";
export const manifest: ${manifest.kind} = ${JSON.stringify(manifest, null, 2)};
`;
  writeFileSync(join(folder, "manifest.ts"), source);
  const compilerOptions = {
    strict: true,
    noEmit: true,
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

test("the manifests are what Kubernetes publishes of its API", () => {
  for (const text of [recipe("pod.yaml"), recipe("deployment.yaml")])
    assert.deepEqual(errorsIn(parse(text) as Manifest), []);
});

test("a manifest with a field that is unknown, missing or of another type is found out", () => {
  const wrong = (change: (text: string) => string): string => {
    const text = recipe("deployment.yaml");
    assert.notEqual(change(text), text);
    return errorsIn(parse(change(text)) as Manifest).join("\n");
  };
  assert.match(
    wrong((text) => text.replace("readOnly:", "readonly:")),
    /'"readonly"' does not exist/,
  );
  assert.match(
    wrong((text) => text.replace("replicas: 2", 'replicas: "2"')),
    /'string' is not assignable/,
  );
  assert.match(
    wrong((text) => text.replace(/^ *mountPath: .*\n/m, "")),
    /'mountPath' is missing/,
  );
  assert.match(
    wrong((text) => text.replace(/command: .*/, "command: /steady")),
    /'string' is not assignable/,
  );
});

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
