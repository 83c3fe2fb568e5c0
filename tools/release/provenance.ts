// How a release was made: an in-toto Statement v1 (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md)
// with SLSA v1 provenance (https://slsa.dev/spec/v1.1/provenance). The rule: nothing in it changes from build to build, so
// it says neither when nor in which run it was made.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../build.ts";
import { PACKAGES } from "../trusted.ts";
import { type Facts, tagOf } from "./facts.ts";
import { sourceOf } from "./image.ts";
import { filesOf, sha256 } from "./sums.ts";
import { type DebianPackage, purlOf } from "./toolchain.ts";

/** Who vouches for the steps: the workflow, or whoever ran the command on a machine of their own. */
function builderOf(facts: Facts): string {
  const { GITHUB_WORKFLOW_REF: workflow, GITHUB_SERVER_URL: server } = process.env;
  if (workflow !== undefined && server !== undefined) return `${server}/${workflow}`;
  return facts.repository === undefined ? "urn:steady:by-hand" : `${sourceOf(facts.repository)}#by-hand`;
}

/** The statement about every file in the folder; `generated` are those that are no ends in themselves. */
export function provenanceOf(
  folder: string,
  facts: Facts,
  debian: readonly DebianPackage[],
  generated: readonly string[],
): string {
  const described = (name: string) => ({
    name,
    digest: { sha256: sha256(readFileSync(join(folder, name))) },
  });
  const { repository, commit } = facts;
  const uri =
    repository === undefined ? {} : { uri: `git+${sourceOf(repository)}@refs/tags/${tagOf(facts)}` };
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: filesOf(folder).map(described),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType:
          repository === undefined
            ? "urn:steady:release:v1"
            : `${sourceOf(repository)}/blob/main/docs/release.md`,
        externalParameters: { command: "npm run release", version: facts.version },
        resolvedDependencies: [
          { ...uri, name: "source", digest: { gitCommit: commit } },
          {
            name: "package-lock.json",
            digest: { sha256: sha256(readFileSync(join(ROOT, "package-lock.json"))) },
          },
          ...PACKAGES.map(({ name }) => npmDependency(name)),
          ...debian.map((each) => ({ name: each.name, uri: purlOf(each) })),
        ],
      },
      runDetails: { builder: { id: builderOf(facts) }, byproducts: generated.map(described) },
    },
  };
  return `${JSON.stringify(statement, undefined, 2)}\n`;
}

/** With the digest that npm compares, in hexadecimal. */
function npmDependency(name: string): object {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  const { version = "", integrity = "" } = lock.packages[`node_modules/${name}`] ?? {};
  const sha512 = Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
  return { name, uri: `pkg:npm/${name}@${version}`, digest: { sha512 } };
}
