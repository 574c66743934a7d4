// Lints the two documents: lint.mjs OPENAPI ASYNCAPI.  Prints each problem, and last "N passed, N failed".
import { readFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Parser } from '@asyncapi/parser';

const [openapi, asyncapi] = process.argv.slice(2).map((path) => readFileSync(path, 'utf8'));

async function lintOpenApi() {
  const config = await createConfig({ extends: ['recommended-strict'] });
  const problems = await lintFromString({ source: openapi, absoluteRef: 'openapi.json', config });
  return problems.map((problem) => `openapi.json ${problem.location[0]?.pointer}: ${problem.message} (${problem.ruleId})`);
}

async function lintAsyncApi() {
  const diagnostics = await new Parser().validate(asyncapi);
  return diagnostics
    .filter((diagnostic) => diagnostic.severity < 2) // errors and warnings
    .map((diagnostic) => `asyncapi.json ${diagnostic.path.join('/')}: ${diagnostic.message} (${diagnostic.code})`);
}

let failed = 0;
for (const problems of [await lintOpenApi(), await lintAsyncApi()]) {
  problems.forEach((problem) => console.log(problem));
  failed += problems.length > 0 ? 1 : 0;
}
console.log(`${2 - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
