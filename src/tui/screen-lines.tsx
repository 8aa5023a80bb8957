import { Box, render, Text } from 'ink';
import { createElement, type ReactNode, useSyncExternalStore } from 'react';

/** What is drawn, and who is told when it has become something else. */
interface LineSource {
  readonly subscribe: (changed: () => void) => () => void;
  /** Lines as a terminal takes them; the same array until something has changed. */
  readonly lines: () => readonly string[];
}

/** Lines that are on the screen. */
export interface Drawing {
  /** Draws no more. */
  readonly end: () => void;
  /** Rejects where drawing fails. */
  readonly failed: Promise<unknown>;
}

/** A second frame within the time of one waits for its turn, and so does whoever has pressed a key: so it is short. */
const FRAMES_PER_SECOND_MAX = 250;

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

/** Lines of text, drawn anew whenever their source has others. A line of the screen is known by its place alone. */
function ScreenLines({ source }: { readonly source: LineSource }): ReactNode {
  const lines = useSyncExternalStore(source.subscribe, source.lines);
  return createElement(Box, { flexDirection: 'column' }, ...lines.map(screenLine));
}

/** One line. An empty one has a space, since Ink gives no height to nothing. */
function screenLine(text: string): ReactNode {
  return createElement(Text, { wrap: 'truncate' }, text === '' ? ' ' : text);
}
