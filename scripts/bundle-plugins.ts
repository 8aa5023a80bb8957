import { createRequire, isBuiltin } from 'node:module';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';

const BUILTIN = 'builtin';
const LATER = 'later';

/** Puts files in the place of modules; only they themselves can still import what they stand in for. */
export function standInsPlugin(fileOf: (module: string) => string | undefined): Plugin {
  return {
    name: 'stand-ins',
    setup({ onResolve }) {
      onResolve({ filter: /^[\w@]/ }, ({ path, importer }) => {
        const file = fileOf(path);
        return file === undefined || file === importer ? undefined : { path: file };
      });
    },
  };
}

/**
 * Lets modules that are required by one of these names run once somebody uses what they export, and not where they are
 * required: to run all that a command never comes to takes longer than most commands.
 */
export function laterPlugin(names: readonly string[]): Plugin {
  return {
    name: LATER,
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ path, kind, namespace, resolveDir }) =>
        kind === 'require-call' && namespace === 'file' && names.includes(path)
          ? { path, namespace: LATER, pluginData: resolveDir, suffix: `?${resolveDir}` }
          : undefined,
      );
      onLoad({ filter: /.*/, namespace: LATER }, ({ path, pluginData: resolveDir }) => {
        const exported: unknown = createRequire(join(resolveDir, 'any.js'))(path);
        return { contents: laterText(path, exported), resolveDir };
      });
    },
  };
}

/** A module with the same exports, which has the real one run when the first of them is used. */
function laterText(name: string, exported: unknown): string {
  const real = `require(${JSON.stringify(name)})`;
  const getters = Object.keys(Object(exported)).map((key) => {
    const property = JSON.stringify(key);
    return `Object.defineProperty(module.exports, ${property}, { enumerable: true, get: () => ${real}[${property}] });`;
  });
  // None of those that are functions is ever constructed.
  const whole = typeof exported === 'function' ? `(...args) => ${real}(...args)` : '{}';
  const isTranspiled = Object(exported).__esModule === true;
  return [
    `module.exports = ${whole};`,
    ...(isTranspiled ? [`Object.defineProperty(module.exports, '__esModule', { value: true });`] : []),
    ...getters,
  ].join('\n');
}

/**
 * Lets what a bundle imports of Node itself be required instead, where and when it is used: an import happens at the
 * start, and reads every property of a module, for some of which Node loads many more.
 */
export function builtinsPlugin(): Plugin {
  return {
    name: BUILTIN,
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ path, kind }) =>
        kind === 'import-statement' && isBuiltin(path) ? { path, namespace: BUILTIN } : undefined,
      );
      onLoad({ filter: /.*/, namespace: BUILTIN }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(path)});`,
      }));
    },
  };
}
