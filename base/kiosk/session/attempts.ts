/** How the next attempt at showing the piece is made; times in seconds. */
export interface Attempt {
  /** Graphics drivers are used, or everything is drawn by the processor. */
  readonly accelerated: boolean;
  /** So long until it begins. */
  readonly pause: number;
  /** So long until the page must have painted, and after that until it must answer. */
  readonly patience: number;
}

/** What a machine that starts in ten seconds needs at the very most. */
const PATIENCE = 60;
const ACCELERATED_ATTEMPTS = 2;
const LONGEST_PAUSE = 30;

/**
 * The attempt after `failures` in a row. Two with the graphics drivers, and then without: what they draw may be
 * nothing at all. A slow machine is given more time, since starting again only makes it slower: `started` is
 * how many seconds after its kernel we were started.
 */
export function attempt(failures: number, started: number): Attempt {
  return {
    accelerated: failures < ACCELERATED_ATTEMPTS,
    pause: failures === 0 ? 0 : Math.min(2 ** (failures - 1), LONGEST_PAUSE),
    patience: Math.max(PATIENCE, 6 * started) * 2 ** Math.min(failures, 3),
  };
}
