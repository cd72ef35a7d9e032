// Reports each node test as one line of JSON, for the Go side to make a subtest of.

import { inspect } from 'node:util';

export default async function* report(events) {
  const path = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') {
      path.length = data.nesting;
      path.push(data.name);
    } else if (type === 'test:pass' || type === 'test:fail') {
      const { nesting, details, file } = data;
      // A file of tests is no test; it only counts when it fails by itself.
      const own = path.slice(0, nesting).concat(data.name);
      if (type === 'test:pass' && data.name === file) continue;
      const error = details.error && inspect(details.error.cause ?? details.error, { depth: 4 });
      yield `${JSON.stringify({ path: own, passed: type === 'test:pass', suite: details.type === 'suite', error })}\n`;
    } else if (type === 'test:stdout' || type === 'test:stderr') {
      yield data.message;
    }
  }
}
