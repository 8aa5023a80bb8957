/**
 * All that oclif uses of wsl-utils. It asks at each start whether this is Linux on Windows, and the package itself would
 * have child processes made ready for that.
 */
import isWsl from 'is-wsl';

export { isWsl };

export async function powerShellPath() {
  const { powerShellPath: find } = await import('wsl-utils');
  return find();
}
