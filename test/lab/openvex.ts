// What the JSON schema of OpenVEX 0.2.0 (openvex_json_schema.json of github.com/openvex/spec) asks of a document, in our
// words: npm has no package that carries it.

import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const TEXT = { type: "string" };
const URI = { type: "string", format: "uri" };
const TIME = { type: "string", format: "date-time" };
const VERSION = { type: "integer", minimum: 1 };

const closed = (properties: Readonly<Record<string, object>>, required: readonly string[] = []): object => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});
const each = (items: object): object => ({ type: "array", uniqueItems: true, items });

const HASHES =
  "md5 sha1 sha-256 sha-384 sha-512 sha3-224 sha3-256 sha3-384 sha3-512 blake2s-256 blake2b-256 blake2b-512";
const part = {
  "@id": URI,
  identifiers: closed({ purl: TEXT, "@cpe22": TEXT, "@cpe23": TEXT }),
  hashes: closed(Object.fromEntries(HASHES.split(" ").map((name) => [name, TEXT]))),
};

const statement = {
  ...closed(
    {
      "@id": URI,
      version: VERSION,
      vulnerability: closed({ "@id": URI, name: TEXT, description: TEXT, aliases: each(TEXT) }, ["name"]),
      timestamp: TIME,
      last_updated: TIME,
      products: each(closed({ ...part, subcomponents: each(closed(part)) })),
      status: { enum: ["not_affected", "affected", "fixed", "under_investigation"] },
      supplier: TEXT,
      status_notes: TEXT,
      justification: {
        enum: [
          "component_not_present",
          "vulnerable_code_not_present",
          "vulnerable_code_not_in_execute_path",
          "vulnerable_code_cannot_be_controlled_by_adversary",
          "inline_mitigations_already_exist",
        ],
      },
      impact_statement: TEXT,
      action_statement: TEXT,
      action_statement_timestamp: TIME,
    },
    ["vulnerability", "status"],
  ),
  allOf: [
    {
      if: { properties: { status: { const: "not_affected" } } },
      // One of the two, never both.
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { oneOf: [{ required: ["justification"] }, { required: ["impact_statement"] }] },
    },
    {
      if: { properties: { status: { const: "affected" } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ["action_statement"] },
    },
  ],
};

/** Why it is no OpenVEX document; undefined where it is one. */
export function openvexErrors(document: unknown): string | undefined {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  const validate = ajv.compile(
    closed(
      {
        "@context": URI,
        "@id": URI,
        author: TEXT,
        role: TEXT,
        timestamp: TIME,
        last_updated: TIME,
        version: VERSION,
        tooling: TEXT,
        statements: { ...each(statement), minItems: 1 },
      },
      ["@context", "@id", "author", "timestamp", "version", "statements"],
    ),
  );
  return validate(document) ? undefined : JSON.stringify(validate.errors);
}
