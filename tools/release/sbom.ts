// The bill of materials, CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/): each file that is released, what of others
// is in it, and, as "excluded" (needed to build, not in the result), the toolchain. The rule: nothing is named that is not
// there; that there is no libc shows by there being none.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import { ARCHITECTURES } from "../architectures.ts";
import { ROOT } from "../build.ts";
import { PACKAGES } from "../trusted.ts";
import type { Facts } from "./facts.ts";
import { platformText, sourceOf } from "./image.ts";
import { filesOf, programName, sha256, sha512 } from "./sums.ts";
import { type DebianPackage, purlOf } from "./toolchain.ts";

const { ComponentType, ComponentScope } = Enums;

/** The document for what lies in the folder. */
export function sbomOf(folder: string, facts: Facts, debian: readonly DebianPackage[]): string {
  const files = filesOf(folder).map((name) => fileComponent(folder, name, facts));
  const inside = insideOf(debian);
  const tools = [...PACKAGES.map(npmComponent), ...debian.map(debianComponent)];
  const steady = ours(ComponentType.Application, "steady", facts, {});
  for (const file of files) {
    steady.dependencies.add(file.bomRef);
    for (const { component, programs } of inside)
      if (programs.includes(file.name)) file.dependencies.add(component.bomRef);
  }
  const bom = new Models.Bom({
    serialNumber: serialNumber(folder),
    metadata: new Models.Metadata({
      timestamp: new Date(facts.epochSeconds * 1000),
      lifecycles: new Models.LifecycleRepository([Enums.LifecyclePhase.Build]),
      component: steady,
    }),
    components: new Models.ComponentRepository([
      ...files,
      ...inside.map(({ component }) => component),
      ...tools,
    ]),
  });
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return `${new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: 2 })}\n`;
}

/** One that the same files always get: a UUID of version 8 (RFC 9562), out of their digests. */
function serialNumber(folder: string): string {
  const hex = sha256(
    filesOf(folder)
      .map((name) => sha256(readFileSync(join(folder, name))))
      .join(),
  );
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return `urn:uuid:${parts.join("-")}`;
}

type Options = ConstructorParameters<typeof Models.Component>[2];

function ours(type: Enums.ComponentType, name: string, facts: Facts, options: Options): Models.Component {
  const { version, repository, commit } = facts;
  const references = new Models.ExternalReferenceRepository(
    repository === undefined
      ? []
      : [
          new Models.ExternalReference(
            `${sourceOf(repository)}/tree/${commit}`,
            Enums.ExternalReferenceType.VCS,
          ),
        ],
  );
  const licenses = new Models.LicenseRepository([new Models.SpdxLicense("MIT")]);
  return new Models.Component(type, name, {
    bomRef: name,
    version,
    licenses,
    externalReferences: references,
    ...options,
  });
}

function fileComponent(folder: string, name: string, facts: Facts): Models.Component {
  const content = readFileSync(join(folder, name));
  const hashes = new Models.HashDictionary([
    [Enums.HashAlgorithm["SHA-256"], sha256(content)],
    [Enums.HashAlgorithm["SHA-512"], sha512(content)],
  ]);
  const program = ARCHITECTURES.find((each) => programName(each.name) === name);
  const properties = new Models.PropertyRepository(
    program === undefined ? [] : [new Models.Property("steady:platform", platformText(program.name))],
  );
  const type = program === undefined ? ComponentType.File : ComponentType.Application;
  return ours(type, name, facts, { hashes, properties });
}

interface Inside {
  readonly component: Models.Component;
  /** The files that it is in. */
  readonly programs: readonly string[];
}

/** What others wrote and a program contains: see NOTICE. */
function insideOf(debian: readonly DebianPackage[]): Inside[] {
  const all = ARCHITECTURES.map(({ name }) => programName(name));
  const { version, license } = manifestOf("wabt");
  const wasm2c = new Models.Component(ComponentType.Library, "wasm2c-runtime", {
    bomRef: "in:wasm2c-runtime",
    version,
    description:
      "what wasm2c writes ahead of the C that it makes: loads and stores with bounds checks, division",
    licenses: new Models.LicenseRepository([new Models.SpdxLicense(license)]),
    purl: `pkg:npm/wabt@${version}`,
  });
  const tini = new Models.Component(ComponentType.Data, "tini-texts", {
    bomRef: "in:tini-texts",
    version: "0.19.0",
    description: "usage text and messages of tini, word for word; none of its code",
    licenses: new Models.LicenseRepository([new Models.SpdxLicense("MIT")]),
  });
  const common = [
    { component: wasm2c, programs: [...all, "core.c"] },
    { component: tini, programs: all },
  ];
  const linked = ARCHITECTURES.filter(({ libraries = [] }) => libraries.includes("-lgcc")).map(
    ({ name }) => name,
  );
  const libgcc = debian.filter(
    (each) => /^libgcc-/.test(each.name) && linked.some((name) => each.for.includes(name)),
  );
  return [
    ...common,
    ...libgcc.map((each) => ({
      component: new Models.Component(ComponentType.Library, "libgcc", {
        bomRef: `in:${each.name}`,
        version: each.version,
        description: "functions that divide, where no instruction does",
        licenses: new Models.LicenseRepository([
          new Models.LicenseExpression("GPL-3.0-or-later WITH GCC-exception-3.1"),
        ]),
        purl: purlOf(each),
      }),
      programs: linked.map(programName),
    })),
  ];
}

function manifestOf(name: string): { readonly version: string; readonly license: string } {
  return JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8")) as {
    version: string;
    license: string;
  };
}

function npmComponent({ name, does }: (typeof PACKAGES)[number]): Models.Component {
  const { version, license } = manifestOf(name);
  return new Models.Component(ComponentType.Application, name, {
    bomRef: `tool:npm:${name}`,
    version,
    description: does,
    scope: ComponentScope.Excluded,
    licenses: new Models.LicenseRepository([new Models.SpdxLicense(license)]),
    purl: `pkg:npm/${name}@${version}`,
  });
}

function debianComponent(each: DebianPackage): Models.Component {
  return new Models.Component(ComponentType.Application, each.name, {
    bomRef: `tool:deb:${each.name}`,
    version: each.version,
    scope: ComponentScope.Excluded,
    purl: purlOf(each),
    properties: new Models.PropertyRepository([
      new Models.Property("steady:compiles-for", each.for.join(" ")),
    ]),
  });
}
