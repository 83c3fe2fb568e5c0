// `npm run lab:build`: the lab as it is published, JavaScript with declarations, in lab/dist, and the schemas of its reports.

import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reportSchemaText } from "../lab/schema/report.ts";
import { scanSchemaText } from "../lab/schema/scan.ts";
import { verificationSchemaText } from "../lab/schema/verification.ts";
import { jsonSchema } from "../lab/settings.ts";
import { buildIfStale, ROOT } from "./build.ts";
import { reportErrors, run } from "./run.ts";

reportErrors();
rmSync(join(ROOT, "lab/dist"), { recursive: true, force: true });
run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", join(ROOT, "lab")]);
writeFileSync(join(ROOT, "lab/schema/report.schema.json"), reportSchemaText());
writeFileSync(join(ROOT, "lab/schema/verification.schema.json"), verificationSchemaText());
writeFileSync(join(ROOT, "lab/schema/scan.schema.json"), scanSchemaText());
buildIfStale();
copyFileSync(join(ROOT, "dist/steady"), join(ROOT, "lab/dist/steady"));
writeFileSync(join(ROOT, "lab/steady-lab.schema.json"), `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
