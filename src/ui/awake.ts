/**
 * Keep the screen on, and with it the computer, until `over` is aborted (Screen Wake Lock API). Browsers take the
 * lock away when the page is hidden: it is asked for again when it shows. Where there is none, nothing happens.
 */
export function stayAwake(over: AbortSignal): void {
  if (!("wakeLock" in navigator)) return;
  let lock: WakeLockSentinel | undefined;
  const ask = async () => {
    if (document.visibilityState !== "visible") return;
    lock = await navigator.wakeLock.request("screen");
    if (over.aborted) release();
  };
  const tryToAsk = () => void ask().catch(() => {}); // a low battery, or somebody's policy
  const release = () => {
    void lock?.release();
    lock = undefined;
  };
  document.addEventListener("visibilitychange", tryToAsk, { signal: over });
  over.addEventListener("abort", release, { once: true });
  tryToAsk();
}
