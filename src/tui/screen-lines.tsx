import { Box, render, Text, type TextProps } from 'ink';
import { type ReactNode, useSyncExternalStore } from 'react';
import type { Line, Style } from './line.ts';

/** What is drawn, and who is told when it has become something else. */
interface LineSource {
  readonly subscribe: (changed: () => void) => () => void;
  readonly lines: () => readonly Line[];
}

const LOOKS: Readonly<Record<Style, TextProps>> = {
  plain: {},
  dim: { dimColor: true },
  bold: { bold: true },
  heading: { bold: true, underline: true },
  selected: { inverse: true },
  fatal: { color: 'red', bold: true },
  note: { color: 'yellow' },
  crc: { color: 'magenta' },
  term: { color: 'cyan' },
  index: { color: 'green' },
  size: { color: 'yellow' },
  kind: { color: 'blue' },
  good: { color: 'green', dimColor: true },
};

/** Lines that are on the screen. */
export interface Drawing {
  /** Draws no more. */
  readonly end: () => void;
  /** Rejects where drawing fails. */
  readonly failed: Promise<unknown>;
}

const FRAMES_PER_SECOND_MAX = 30;

/** Draws lines, and draws them again whenever their source has others. */
export function drawLines(source: LineSource, output: NodeJS.WriteStream): Drawing {
  const ink = render(<ScreenLines source={source} />, {
    stdout: output,
    exitOnCtrlC: false,
    patchConsole: false,
    incrementalRendering: true,
    maxFps: FRAMES_PER_SECOND_MAX,
  });
  return { end: () => ink.unmount(), failed: ink.waitUntilExit() };
}

/** Lines of text, drawn anew whenever their source has others. */
function ScreenLines({ source }: { readonly source: LineSource }): ReactNode {
  const lines = useSyncExternalStore(source.subscribe, source.lines);
  return (
    <Box flexDirection="column">
      {lines.map((line, number) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: A line of the screen is known by its place alone.
        <ScreenLine key={number} line={line} />
      ))}
    </Box>
  );
}

/** One line. An empty one has a space, since Ink gives no height to nothing. */
function ScreenLine({ line }: { readonly line: Line }): ReactNode {
  const spans = line.length === 0 ? [{ text: ' ', style: 'plain' as const }] : line;
  return (
    <Text wrap="truncate">
      {spans.map(({ text, style }, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: Nor has a part of it another name.
        <Text key={place} {...LOOKS[style]}>
          {text === '' && spans.length === 1 ? ' ' : text}
        </Text>
      ))}
    </Text>
  );
}
