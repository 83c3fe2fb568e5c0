// What a release says of its making: an in-toto statement with SLSA v1 provenance, and a CycloneDX document. The rule: they
// are believed where they are signed, and each digest in them is held against the files.

import { fieldsOf, jsonOf, listOf, textOf } from "./json.ts";
import type { Provenance, Sbom } from "./verification.ts";

const STATEMENT = "https://in-toto.io/Statement/v1";
const PREDICATE = "https://slsa.dev/provenance/v1";

export interface Named {
  readonly name: string;
  readonly sha256: string;
}

export interface Statement {
  readonly subjects: readonly Named[];
  /** The generated C, and whatever else came out of the build and is not released. */
  readonly byproducts: readonly Named[];
  readonly provenance: Provenance;
}

/** Throws an Error that says what is wrong with it. */
export function parseStatement(file: Buffer): Statement {
  const { _type: type, predicateType, subject, predicate } = fieldsOf(jsonOf(file));
  if (type !== STATEMENT) throw new Error(`its type is not ${STATEMENT}`);
  if (predicateType !== PREDICATE) throw new Error(`what it states is not ${PREDICATE}`);
  const { buildDefinition, runDetails } = fieldsOf(predicate);
  const definition = fieldsOf(buildDefinition);
  const run = fieldsOf(runDetails);
  const subjects = listOf(subject).map(named);
  if (subjects.length === 0) throw new Error("it has no subject");
  return {
    subjects,
    byproducts: listOf(run.byproducts).map(named),
    provenance: {
      builder: textOf(fieldsOf(run.builder).id) ?? missing("runDetails.builder.id"),
      buildType: textOf(definition.buildType) ?? missing("buildDefinition.buildType"),
      ...sourcesOf(listOf(definition.resolvedDependencies)),
    },
  };
}

/** The first dependency with a commit is the repository; those with a package URL are the toolchain. */
function sourcesOf(
  dependencies: readonly unknown[],
): Pick<Provenance, "repository" | "commit" | "toolchain"> {
  const all = dependencies.map((each) => {
    const { uri, digest } = fieldsOf(each);
    return { uri: textOf(uri) ?? "", commit: textOf(fieldsOf(digest).gitCommit) };
  });
  const repository = all.find(({ commit }) => commit !== undefined && /^[0-9a-f]{40,64}$/.test(commit));
  return {
    ...(repository?.commit === undefined ? {} : { commit: repository.commit }),
    ...(repository === undefined || repository.uri === "" ? {} : { repository: repository.uri }),
    toolchain: all.map(({ uri }) => uri).filter((uri) => uri.startsWith("pkg:")),
  };
}

function named(value: unknown): Named {
  const { name, digest } = fieldsOf(value);
  const sha256 = textOf(fieldsOf(digest).sha256) ?? "";
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`${textOf(name) ?? "a subject"} has no SHA-256`);
  return { name: textOf(name) ?? missing("name"), sha256 };
}

function missing(field: string): never {
  throw new Error(`it has no ${field}`);
}

/** Throws an Error that says what is wrong with it. */
export function parseSbom(file: Buffer): { readonly sbom: Sbom; readonly hashes: readonly Named[] } {
  const { bomFormat, specVersion, metadata, components } = fieldsOf(jsonOf(file));
  if (bomFormat !== "CycloneDX") throw new Error("it is no CycloneDX document");
  const main = fieldsOf(fieldsOf(metadata).component);
  const all = [...partsOf(main), ...listOf(components).map(fieldsOf).flatMap(partsOf)];
  return {
    sbom: {
      specVersion: textOf(specVersion) ?? missing("specVersion"),
      name: textOf(main.name) ?? missing("metadata.component.name"),
      version: textOf(main.version) ?? missing("metadata.component.version"),
      components: all.slice(1).map(({ name, version }) => `${textOf(name)} ${textOf(version) ?? ""}`.trim()),
    },
    hashes: all.flatMap(hashesOf),
  };
}

/** A component and those within it. jsonOf has seen to it that they are not nested for ever. */
function partsOf(component: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>[] {
  return [component, ...listOf(component.components).map(fieldsOf).flatMap(partsOf)];
}

function hashesOf({ name, hashes }: Readonly<Record<string, unknown>>): Named[] {
  return listOf(hashes)
    .map(fieldsOf)
    .filter(({ alg }) => alg === "SHA-256")
    .map(({ content }) => ({ name: textOf(name) ?? "", sha256: textOf(content) ?? "" }));
}

/** A part of a package URL as it is meant; as it is written, where nobody could have meant it. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
