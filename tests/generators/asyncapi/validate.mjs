// node validate.mjs asyncapi.json: prints what the official parser finds; fails if that is anything.

import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const parsed = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
// 3.0 is what most tools read.
const diagnostics = parsed.diagnostics.filter(({ code }) => code !== "asyncapi-latest-version");
for (const { severity, code, message, path } of diagnostics)
  console.log(`${severity} ${code} at ${path.join(".")}: ${message}`);
process.exitCode = diagnostics.length > 0 ? 1 : 0;
