// What `verify` answers: the report of its library function and of `--json`. The rule: every verdict has its reasons, and
// every reason one of the codes below, which docs/verify.md lists.

/** What each code means for a verdict. */
export const CODES = {
  "known-digest": "proof",
  "minisign-signature": "proof",
  "openpgp-signature": "proof",
  "sigstore-signature": "proof",
  "in-signed-manifest": "proof",
  "pinned-digest": "proof",
  rebuilt: "proof",

  "single-source": "downgrade",
  "no-transparency-log": "downgrade",
  "unchecked-signature": "downgrade",
  "weak-hash": "downgrade",
  "same-core-other-compiler": "downgrade",

  "not-an-init": "doubt",
  "unknown-digest": "doubt",
  "no-signature": "doubt",
  "no-key": "doubt",
  "untrusted-signer": "doubt",
  "no-trust-root": "doubt",
  "no-provenance": "doubt",
  "unlisted-file": "doubt",
  "cannot-rebuild": "doubt",

  "digest-mismatch": "damage",
  "pin-mismatch": "damage",
  "bad-signature": "damage",
  "malformed-signature": "damage",
  "malformed-manifest": "damage",
  "missing-file": "damage",
  "malformed-provenance": "damage",
  "provenance-mismatch": "damage",
  "malformed-sbom": "damage",
  "sbom-mismatch": "damage",
  "core-differs": "damage",
  "rebuild-differs": "damage",
} as const;

export type Code = keyof typeof CODES;
/** A proof makes "verified", a doubt keeps from it, damage makes "tampered", a downgrade is told. */
export type Weight = (typeof CODES)[Code];
export type Verdict = "verified" | "unknown" | "tampered";

export interface Reason {
  readonly code: Code;
  /** A sentence. */
  readonly text: string;
}

export interface Identity {
  readonly init: "steady" | "tini" | "dumb-init" | "catatonit";
  readonly version?: string;
  readonly commit?: string;
  /** Whose build it is, where the digest tells. */
  readonly build?: string;
  readonly architecture?: string;
  readonly linkage?: "static" | "dynamic";
  /** Whether its digest says so, or sentences in it. */
  readonly by: "digest" | "content";
  /** Another name that it goes by: docker-init is tini. */
  readonly as?: string;
}

export interface FileVerdict {
  readonly kind: "file";
  /** As it was given; in a release, from its folder. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly identity?: Identity;
  readonly verdict: Verdict;
  readonly reasons: readonly Reason[];
}

export interface ReleaseVerdict {
  readonly kind: "release";
  readonly path: string;
  readonly verdict: Verdict;
  readonly reasons: readonly Reason[];
  readonly provenance?: Provenance;
  readonly sbom?: Sbom;
  readonly files: readonly FileVerdict[];
}

/** What an in-toto statement with SLSA v1 provenance says of the build. */
export interface Provenance {
  readonly builder: string;
  readonly buildType: string;
  readonly repository?: string;
  readonly commit?: string;
  /** Packages of the toolchain, as package URLs. */
  readonly toolchain: readonly string[];
}

/** What a CycloneDX document says. */
export interface Sbom {
  readonly specVersion: string;
  readonly name: string;
  readonly version: string;
  readonly components: readonly string[];
}

export interface Verification {
  /** Grows when a name goes or changes its meaning; new names may come. */
  readonly reportVersion: 1;
  readonly tool: { readonly name: "steady-lab"; readonly version: string };
  /** The day that the known digests tell the state of. */
  readonly knownAsOf: string;
  readonly subjects: readonly (FileVerdict | ReleaseVerdict)[];
  readonly verdict: Verdict;
  /** 0 all verified, 1 something is tampered with, 3 something is unknown. */
  readonly exitStatus: 0 | 1 | 3;
}

export function reason(code: Code, text: string): Reason {
  return { code, text };
}

export function verdictOf(reasons: readonly Reason[]): Verdict {
  const weights = new Set<Weight>(reasons.map(({ code }) => CODES[code]));
  if (weights.has("damage")) return "tampered";
  return weights.has("proof") && !weights.has("doubt") ? "verified" : "unknown";
}

/** The worst of several; of none, unknown. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes("tampered")) return "tampered";
  return verdicts.includes("unknown") || verdicts.length === 0 ? "unknown" : "verified";
}
