import type { RunningSearch } from './inspector-state.ts';
import { cutText, textWidth } from './width.ts';

/** Below this, no pattern can be recognised by its beginning. */
const PATTERN_COLUMNS_MIN = 8;

/** That a search has found nothing, and where else to look: that goes before the pattern where there is not room for both. */
export function nothingFoundWords(
  { pattern, direction }: Pick<RunningSearch, 'pattern' | 'direction'>,
  columns: number,
): string {
  const isForward = direction === 'forward';
  const where = isForward ? 'from here on' : 'before this row';
  const key = isForward ? 'N' : 'n';
  const around = (text: string) => `Nothing matches /${text}/ ${where}: ${key} looks the other way.`;
  const room = columns - around('').length;
  if (textWidth(pattern) <= room) return around(pattern);
  if (room >= PATTERN_COLUMNS_MIN) return around(`${cutText(pattern, room - 1)}…`);
  return `Nothing ${where}: ${key} looks ${isForward ? 'back' : 'ahead'}.`;
}

/** What is waited for, in as few words as the narrowest screen has room for. */
export function awaitedWords(awaited: bigint | 'end'): string {
  const place = awaited === 'end' ? 'the end' : `index ${awaited}`;
  return `To ${place} once indexed: Esc ends that.`;
}

/** As many of the last parts as fit beside a message, which was asked for and goes first. */
export function partsBeside(message: string, parts: readonly string[], columns: number): string {
  const room = columns - textWidth(message) - 1;
  const from = parts.findIndex((_, i) => textWidth(parts.slice(i).join(', ')) <= room);
  return from < 0 ? '' : parts.slice(from).join(', ');
}
