/**
 * Keep the screen on, and with it the computer, until `until` is aborted (Screen Wake Lock API). Browsers release
 * the lock when the page is hidden, so it is requested again when the page shows. Does nothing in browsers without it.
 */
export function keepScreenOn(until: AbortSignal): void {
  if (!("wakeLock" in navigator)) return;
  let lock: WakeLockSentinel | undefined;
  const release = () => {
    void lock?.release();
    lock = undefined;
  };
  const request = async () => {
    if (document.visibilityState !== "visible") return;
    lock = await navigator.wakeLock.request("screen");
    if (until.aborted) release();
  };
  const tryToRequest = () => void request().catch(() => {}); // refused on a low battery, or by a policy
  document.addEventListener("visibilitychange", tryToRequest, { signal: until });
  until.addEventListener("abort", release, { once: true });
  tryToRequest();
}
