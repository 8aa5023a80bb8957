#!/usr/bin/env node
// React's development build, which the full-screen views would load otherwise, keeps a record of every render: this
// has to be said before anything is imported.
process.env.NODE_ENV = 'production';
const { main } = await import('../dist/cli/main.js');
await main(process.argv.slice(2), { root: new URL('..', import.meta.url) });
