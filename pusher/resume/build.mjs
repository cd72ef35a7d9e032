// Makes resume.js and resume.mjs of source.mjs. Terser is the one of the tests that the first argument leads to:
//
//   node pusher/resume/build.mjs cmd/gannet/e2e

import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const at = (name) => new URL(name, import.meta.url);

/** The built files by name. */
export async function build({ minify }) {
  const source = await readFile(at('source.mjs'), 'utf8');
  const classic = source.replace('export default function', 'function');
  if (classic === source) throw new Error('source.mjs exports no default function');
  const banner = '/*! resume.js of Gannet, MIT license */';
  const options = { ecma: 2015, compress: { passes: 3, unsafe_arrows: true }, mangle: true, format: { preamble: banner } };
  const made = async (code, more) => `${(await minify(code, { ...options, ...more })).code}\n`;
  return {
    'resume.js': await made(`(() => { ${classic}
      if (typeof module === 'object' && module.exports) module.exports = resume;
      else self.GannetResume = resume;
    })();`),
    'resume.mjs': await made(source, { module: true }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const require = createRequire(pathToFileURL(resolve(process.argv[2] ?? '.', 'package.json')));
  for (const [name, text] of Object.entries(await build(require('terser')))) await writeFile(at(name), text);
}
