#!/usr/bin/env node
// React's development build, which the full-screen views would load otherwise, keeps a record of every render: this
// has to be said before anything is imported.
process.env.NODE_ENV = 'production';
const args = process.argv.slice(2);
if (args[0] === 'log' && args[1] === 'verify') {
  const { giveHeadStart } = await import('../dist/cli/head-start.js');
  await giveHeadStart(args.slice(2));
}
const { main } = await import('../dist/cli/main.js');
await main(args, { root: new URL('..', import.meta.url) });
