// OpenVEX 0.2.0 (https://github.com/openvex/spec) for the steady that is in an image: what scanners report of C libraries
// does not affect it. The rule: it is said of a file that was looked at, by its digest, and only where no C library is in
// it.

import { createHash } from "node:crypto";
import type { FoundInit, ScanReport } from "./report.ts";
import type { WeaknessData } from "./weaknesses.ts";

/** undefined where there is no steady without a C library to speak of. */
export function vexOf(
  { name, version }: ScanReport["tool"],
  withoutLibc: readonly FoundInit[],
  { libcVulnerabilities, asOf }: WeaknessData,
  now: Date,
): object | undefined {
  const products = [...new Map(withoutLibc.map((each) => [each.sha256, each])).values()].map(productOf);
  if (products.length === 0) return undefined;
  const statements = libcVulnerabilities.map(({ name, component }) => ({
    vulnerability: { name },
    products,
    status: "not_affected",
    // The schema of 0.2.0 takes this or an impact_statement, not both.
    justification: "component_not_present",
    status_notes: `steady is a static program without a C library: no code of ${component} is in it. As of ${asOf}.`,
  }));
  const id = createHash("sha256").update(JSON.stringify(statements)).digest("hex");
  return {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": `https://openvex.dev/docs/public/vex-${id}`,
    author: `${name} ${version}`,
    timestamp: now.toISOString(),
    version: 1,
    statements,
  };
}

function productOf({ identity, sha256 }: FoundInit): object {
  const version = identity.version === undefined ? "" : `@${encodeURIComponent(identity.version)}`;
  return {
    "@id": `pkg:generic/steady${version}?checksum=sha256:${sha256}`,
    hashes: { "sha-256": sha256 },
  };
}
