// What was verified, for a person at a terminal: a file with its verdict and each reason for it. The rule: the words of a
// verdict are the same in every form; of a release, files that are well are counted and not listed.

import { Page, type Paper, type Style } from "../output/sheet.ts";
import { visible } from "../output/visible.ts";
import { count } from "../output/words.ts";
import { decoded } from "./provenance.ts";
import {
  CODES,
  type FileVerdict,
  type Identity,
  type Reason,
  type ReleaseVerdict,
  type Verdict,
  type Verification,
  type Weight,
} from "./verification.ts";

const MARKS: Readonly<Record<Verdict, { readonly mark: string; readonly style: Style }>> = {
  verified: { mark: "✓", style: ["bold", "green"] },
  unknown: { mark: "?", style: ["bold", "magenta"] },
  tampered: { mark: "✗", style: ["bold", "red"] },
};

/** What a reason does to the verdict, in a label. */
const LABELS: Readonly<Record<Weight, string>> = {
  damage: "Wrong",
  doubt: "But",
  proof: "Proof",
  downgrade: "Less",
};
const ORDER: readonly Weight[] = ["damage", "doubt", "proof", "downgrade"];

export function verificationText(verification: Verification, paper: Paper): string {
  const page = new Page(paper);
  for (const subject of verification.subjects) {
    if (subject.kind === "file") tellFile(page, subject, subject.path);
    else tellRelease(page, subject);
    page.blank();
  }
  page.paragraph(page.styled("bold", headline(verification)), "");
  page.paragraph(`Known digests are those of ${verification.knownAsOf}.`, "");
  return page.text();
}

function headline({ subjects }: Verification): string {
  const told = (["verified", "unknown", "tampered"] as const).map((verdict) => ({
    verdict,
    found: subjects.filter((each) => each.verdict === verdict).length,
  }));
  const list = told.filter(({ found }) => found > 0).map(({ verdict, found }) => `${found} ${verdict}`);
  return `${count(subjects.length, "subject")}: ${list.join(", ")}`;
}

/** "tini 0.19.0 (git de40ad0), static, for x86-64; upstream's tini-static-amd64" */
function identityText({ init, version, commit, build, architecture, linkage, as }: Identity): string {
  const name = [init, version ?? "of a version that it does not tell"].join(" ");
  const from = commit === undefined ? "" : ` (git ${commit})`;
  const role = as === undefined ? "" : `, as ${as}`;
  const shape = [linkage, architecture === undefined ? undefined : `for ${architecture}`].filter(
    (each) => each !== undefined,
  );
  const kind = shape.length === 0 ? "" : `, ${shape.join(", ")}`;
  return `${name}${from}${role}${kind}${build === undefined ? "" : `; ${build}`}`;
}

function tellFile(page: Page, file: FileVerdict, path: string): void {
  tellHeading(page, path, file.verdict);
  page.labelled(
    "Is",
    visible(file.identity === undefined ? "no init that is known" : identityText(file.identity)),
  );
  page.labelled("SHA-256", file.sha256);
  tellReasons(page, file.reasons);
}

function tellHeading(page: Page, path: string, verdict: Verdict): void {
  const { mark, style } = MARKS[verdict];
  page.heading(page.styled(style, mark), `${path}: ${verdict}`);
}

function tellReasons(page: Page, reasons: readonly Reason[]): void {
  for (const weight of ORDER)
    for (const { code, text } of reasons.filter((each) => CODES[each.code] === weight))
      page.labelled(LABELS[weight], visible(`${text} [${code}]`));
}

function tellRelease(page: Page, release: ReleaseVerdict): void {
  const { path, verdict, reasons, provenance, sbom, files } = release;
  tellHeading(page, path, verdict);
  tellReasons(page, reasons);
  if (provenance !== undefined) {
    const { builder, commit = "no commit", repository, toolchain } = provenance;
    const where = repository === undefined ? "" : ` of ${repository}`;
    page.labelled("Made", visible(`by ${builder} from ${commit}${where}`));
    if (toolchain.length > 0)
      page.labelled(
        "With",
        visible(firstOf(toolchain.map((url) => decoded(url.replace(/^pkg:|\?.*$/g, ""))))),
      );
  }
  if (sbom !== undefined) {
    const parts = sbom.components.length === 0 ? "nothing else" : firstOf(sbom.components);
    page.labelled(
      "SBOM",
      visible(`CycloneDX ${sbom.specVersion}: ${sbom.name} ${sbom.version}; in it ${parts}`),
    );
  }
  const well = files.filter((each) => each.verdict === "verified");
  page.labelled("Files", `${count(well.length, "file")} of ${files.length} verified`);
  for (const file of files.filter((each) => each.verdict === "verified" && each.identity !== undefined))
    page.labelled("", visible(`${file.path}: ${identityText(file.identity as Identity)}`));
  for (const file of files.filter((each) => each.verdict !== "verified")) {
    page.blank();
    tellFile(page, file, `${path}/${file.path}`);
  }
}

/** Of a list of dozens the first ones: --json has all. */
function firstOf(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  return `${names.slice(0, NAMES_MAX).join(", ")}${more > 0 ? `, and ${more} more` : ""}`;
}

const NAMES_MAX = 6;
