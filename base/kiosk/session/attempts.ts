/** How the next attempt at showing the piece is made. */
export interface Attempt {
  /** Graphics drivers are used; otherwise everything is drawn by the processor. */
  readonly accelerated: boolean;
  /** How long to wait before it begins. */
  readonly pauseSeconds: number;
  /** How long the page may take to paint, and after that to answer. */
  readonly timeoutSeconds: number;
}

/** What a machine that starts in ten seconds needs at the very most. */
const MIN_TIMEOUT_SECONDS = 60;
const ACCELERATED_ATTEMPTS = 2;
const MAX_PAUSE_SECONDS = 30;

/**
 * The attempt after `failures` in a row. The first two use the graphics drivers, where one `canDraw`, and later ones do not,
 * since what a driver draws may be nothing at all. Where none can, Mesa would draw by the processor what the compositor and
 * the browser draw sooner themselves. A slow machine is given more time, because starting again only makes it slower:
 * `startedAfterSeconds` is the time from its kernel's start to ours.
 */
export function attempt(failures: number, startedAfterSeconds: number, canDraw = true): Attempt {
  return {
    accelerated: canDraw && failures < ACCELERATED_ATTEMPTS,
    pauseSeconds: failures === 0 ? 0 : Math.min(2 ** (failures - 1), MAX_PAUSE_SECONDS),
    timeoutSeconds: Math.max(MIN_TIMEOUT_SECONDS, 6 * startedAfterSeconds) * 2 ** Math.min(failures, 3),
  };
}
