// A scan as SARIF 2.1.0, as code scanning reads it. The rule: as in the report of a check, a result's fingerprint stays the
// same from scan to scan for the same finding at the same place.

import { createHash } from "node:crypto";
import { fileUri, message, ruleName, SARIF_SCHEMA } from "../output/sarif.ts";
import { visible } from "../output/visible.ts";
import type { ScanFinding, ScannedImage, ScanReport } from "./report.ts";
import { SCAN_RULES } from "./rules.ts";

export interface ScanSources {
  /** The Dockerfile that was given. */
  readonly dockerfile?: string;
  /** Where docs is: an absolute address that ends with a slash. */
  readonly documents: string;
}

const PAGE = "docs/scan.md";

export function scanSarif(report: ScanReport, sources: ScanSources): string {
  const { tool, images, exitStatus } = report;
  const page = new URL(PAGE, sources.documents).href;
  const log = {
    $schema: SARIF_SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: tool.name,
            version: tool.version,
            semanticVersion: tool.version,
            informationUri: page,
            rules: SCAN_RULES.map(({ id, title, severity }) => ({
              id,
              name: ruleName(title),
              shortDescription: message(title),
              fullDescription: message(`${title}.`),
              help: message(`${PAGE} tells when it is found and what to change.`),
              helpUri: `${page}#${id.toLowerCase()}`,
              defaultConfiguration: { level: severity },
              properties: { tags: ["containers", "supply-chain"] },
            })),
          },
        },
        automationDetails: { id: "steady-lab/scan/" },
        columnKind: "utf16CodeUnits",
        invocations: [{ executionSuccessful: true, exitCode: exitStatus }],
        results: images.flatMap((image) =>
          image.findings.map((finding) => resultOf(image, finding, sources)),
        ),
      },
    ],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function resultOf(image: ScannedImage, finding: ScanFinding, { dockerfile }: ScanSources): object {
  const { rule, severity, what, why, change, evidence, path, line } = finding;
  const place = `${image.name}${path === undefined ? "" : `:${path}`}`;
  const print = createHash("sha256").update(JSON.stringify([rule, image.name, path ?? "", what]));
  return {
    ruleId: rule,
    ruleIndex: SCAN_RULES.findIndex(({ id }) => id === rule),
    level: severity,
    kind: "fail",
    message: message([what, why, change].join(" ")),
    locations: [
      {
        ...(dockerfile === undefined
          ? {}
          : {
              physicalLocation: {
                artifactLocation: { uri: fileUri(dockerfile), uriBaseId: "%SRCROOT%" },
                region: { startLine: line ?? 1 },
              },
            }),
        logicalLocations: [{ name: visible(place), fullyQualifiedName: visible(place), kind: "image" }],
      },
    ],
    partialFingerprints: { "steadyLabScan/v1": print.digest("hex") },
    properties: { evidence: evidence.map(visible) },
  };
}
